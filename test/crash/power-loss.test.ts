/** Guarantee 3 on a disk that loses what it may: what was acknowledged is there, there is no hole, and the next run mends it. */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { contents, temporaryFolder } from '../support/folders.ts';
import { prep } from '../support/prep.ts';
import { Disk, type Image, layOut } from './disk.ts';
import { draws, finish, imageOfFolder, inPairs, outOf, record, spread, writeCrashCorpus } from './harness.ts';
import { killsOf, type Loss, lossesOf } from './losses.ts';
import { broken, type Committed, committedBy } from './promises.ts';
import { isTemporaryPath, type Operation, type Trace } from './trace.ts';

/** Losses of each recorded run that are looked at, and those of them that a run goes on from. `test:long` has more. */
const SCHEDULES = Number(process.env['CRASH_SCHEDULES'] ?? 1000);
const RESUMED = Number(process.env['CRASH_RESUMED'] ?? 4);

const dir = temporaryFolder();
const pipeline = writeCrashCorpus(join(dir, 'inputs'));
const seed = draws();
const traces = new Map<number, Trace>();
let committed: Committed;
let expected: Record<string, string>;

beforeAll(async () => {
  for (const workers of [1, 3])
    traces.set(workers, await record({ at: join(dir, `whole-${workers}`), pipeline, workers }));
  committed = committedBy(traces.get(1)!);
  expected = contents(outOf({ at: join(dir, 'whole-1') }));
  await prep(['verify', 'whole-1/out'], { cwd: dir });
});

const hashes = (image: Image) =>
  Object.fromEntries([...image].map(([path, content]) => [path, createHash('sha256').update(content).digest('hex')]));

/** Everything that is wrong after losses all over a run. */
function lossesOver(operations: readonly Operation[]): { problems: string[]; torn: number } {
  const problems: string[] = [];
  let torn = 0;
  for (const { image, done, name } of lossesOf(operations, SCHEDULES, seed)) {
    problems.push(...broken(image, done, committed).map((problem) => `${name}: ${problem}`));
    if ([...image.keys()].some(isTemporaryPath)) torn++;
  }
  return { problems, torn };
}

test('the disk of the model ends as the real one did', () => {
  for (const [workers, { operations }] of traces) {
    const disk = new Disk();
    for (const operation of operations) disk.apply(operation);
    const real = imageOfFolder(join(dir, `whole-${workers}`));
    expect(hashes(disk.killed())).toEqual(hashes(real));
  }
});

test(`nothing that was acknowledged is lost, and no hole is left, in any of ${SCHEDULES} losses`, () => {
  for (const { operations } of traces.values()) {
    const { problems, torn } = lossesOver(operations);
    expect(problems, seed.replay).toEqual([]);
    // Losses of nothing would prove nothing.
    expect(torn, seed.replay).toBeGreaterThan(SCHEDULES / 10);
  }
});

test('folders that another made a moment ago and did not sync are as good as new', async () => {
  const at = join(dir, 'made');
  const folders = [
    'out',
    ...['masks', 'masks/adaptive', 'shards', 'receipts', 'documents'].map((name) => `out/${name}`),
  ];
  for (const folder of folders) mkdirSync(join(at, folder), { recursive: true });
  const { operations } = await record({ at, pipeline, workers: 2 });
  const made = folders.map((path): Operation => ({ op: 'mkdir', path, thread: -1 }));
  expect(lossesOver([...made, ...operations]).problems, seed.replay).toEqual([]);
});

test('a kill leaves no more than that behind, after any operation', () => {
  for (const { operations } of traces.values())
    for (const { image, done, name } of killsOf(operations)) expect(broken(image, done, committed), name).toEqual([]);
});

test(
  `after ${RESUMED} losses the next run ends with the bytes of an unbroken one`,
  { timeout: 3_600_000 },
  async () => {
    const losses: (Loss & { workers: number })[] = [];
    for (const [workers, { operations }] of traces) {
      const all = [...lossesOf(operations, SCHEDULES, seed)];
      losses.push(...spread(all.length, RESUMED / 2, seed).map((i) => ({ ...all[i]!, workers })));
    }
    await inPairs([...losses.entries()], async ([i, { image, name, workers }]) => {
      const at = join(dir, `lost-${i}`);
      layOut(image, at);
      expect(
        await finish({ at, pipeline, workers: workers === 1 ? 2 : 1 }, expected),
        `${seed.replay}: ${name}`,
      ).toEqual([]);
    });
  },
);
