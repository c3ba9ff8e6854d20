/** Every planted bug by every mode of the crash suite: the table of docs/decisions/0012-crash-suite.md, printed. An hour. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { draws, type Faults, inPairs, spread, writeCrashCorpus } from '../crash/harness.ts';
import { type Build, failedAt, killedAt, kills, lookedAt, powerLosses, shortFrom, slowly } from '../crash/modes.ts';
import { type Bug, BUGS, plant } from '../crash/planted.ts';
import { pointOf } from '../crash/trace.ts';
import { temporaryFolder } from '../support/folders.ts';

/** Runs of each mode that starts some. */
const RUNS = Number(process.env['CRASH_TEETH'] ?? 12);
/** Half an hour was too little on two cores that others used as well. */
const TIMEOUT = 14_400_000;

const dir = temporaryFolder();
const pipeline = writeCrashCorpus(join(dir, 'inputs'));
const seed = draws();

/** How many of all tries found something. */
type Count = readonly [found: number, all: number];

async function runs<T>(items: readonly T[], find: (item: T) => Promise<readonly string[]>): Promise<Count> {
  let found = 0;
  await inPairs(items, async (item) => {
    if ((await find(item)).length > 0) found++;
  });
  return [found, items.length];
}

const failures = (build: Build, code: 'ENOSPC' | 'EIO') => {
  // One of them while the tails are merged: then nothing sweeps before the run ends.
  const points = [pointOf(build.trace, 'rename', /manifest/), ...spread(build.trace.points, RUNS - 1, seed)];
  return runs([...points.entries()], async ([i, at]) => {
    const faults: Faults & { code: typeof code } = { mode: 'fail', code, always: i % 2 === 1, at };
    return (await failedAt(build, faults)).problems;
  });
};

const MODES: Readonly<Record<string, (build: Build) => Promise<Count>>> = {
  'kill, looked at': async (build) => {
    const { problems, images } = kills(build, build.trace);
    return [problems.length, images];
  },
  'kill, resumed': (build) =>
    runs(spread(build.trace.points, RUNS, seed), async (at) => (await killedAt(build, at, 1)).problems),
  'power loss': async (build) => {
    const { problems, images } = powerLosses(build, build.trace, 2000, seed);
    return [problems.length, images];
  },
  'disk full': (build) => failures(build, 'ENOSPC'),
  'disk broken': (build) => failures(build, 'EIO'),
  'short writes': (build) => runs([0, 100], (at) => shortFrom(build, at, true)),
  'slow worker': (build) => runs([2, 3, 4], (workers) => slowly(build, workers, 500)),
};

test('every bug is found by some mode, and nothing in the program as it is', { timeout: TIMEOUT }, async () => {
  const names = ['none', ...Object.keys(BUGS)] as ('none' | Bug)[];
  const wrong: string[] = [];
  const rows: Record<string, Record<string, string>> = {};
  for (const name of names) {
    const prep = name === 'none' ? undefined : plant(name, join(dir, name, 'program'));
    const build = await lookedAt(join(dir, name), pipeline, prep);
    let sum = 0;
    rows[name] = {};
    for (const [mode, find] of Object.entries(MODES)) {
      const [found, all] = await find(build);
      rows[name][mode] = `${found} of ${all}`;
      sum += found;
    }
    if (sum > 0 !== (name !== 'none')) wrong.push(name);
  }
  const line = (cells: readonly string[]) => `| ${cells.join(' | ')} |`;
  const modes = Object.keys(MODES);
  const table = Object.entries(rows).map(([name, cells]) => line([name, ...modes.map((mode) => cells[mode]!)]));
  process.stdout.write(
    `${[line(['planted', ...modes]), line(['', ...modes].map(() => '---')), ...table].join('\n')}\n`,
  );
  expect(wrong, seed.replay).toEqual([]);
});
