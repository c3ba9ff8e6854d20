/** Guarantee 3 with two processes in one folder: on one plan both succeed, another plan is refused, a dead one's is taken over. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { writePipeline } from '../support/corpus.ts';
import { contents, temporaryFiles, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, type Ended } from '../support/prep.ts';
import { CRASH, draws, finish, outOf, type Run, runWith, startRun, startWith, writeCrashCorpus } from './harness.ts';

/** Races of two processes; `test:long` has more. */
const RACES = Number(process.env['CRASH_RACES'] ?? 2);

const dir = temporaryFolder();
const pipeline = writeCrashCorpus(join(dir, 'inputs'));
const seed = draws();
let expected: Record<string, string>;
/** Milliseconds that a run takes. */
let duration = 0;

beforeAll(async () => {
  const whole: Run = { at: join(dir, 'whole'), pipeline, workers: 2 };
  const begun = performance.now();
  await finish(whole, {});
  duration = performance.now() - begun;
  expected = contents(outOf(whole));
});

const succeeds = ({ code, stderr }: Ended) => expect([code, stderr], seed.replay).toEqual([0, '']);

test(`${RACES} races of two runs on one plan: both succeed, one corpus`, { timeout: 3_600_000 }, async () => {
  for (let race = 0; race < RACES; race++) {
    const run: Run = { at: join(dir, `race-${race}`), pipeline, workers: 1 };
    const first = startRun(run);
    await sleep(seed.draw() * duration * (race % 3) * 0.5);
    const second = startRun({ ...run, workers: 2 });
    for (const { ended } of [first, second]) succeeds(await ended);
    expect(contents(outOf(run)), seed.replay).toEqual(expected);
    expect(temporaryFiles(outOf(run)), seed.replay).toEqual([]);
  }
});

test('in steps: two packs and two merges at once, of a plan that a third made', async () => {
  const out = join(dir, 'steps');
  await prep(['plan', pipeline, '--out', out], { cwd: dir });
  const both = async (...args: string[]) => {
    for (const ended of await Promise.all([runPrep(args, { cwd: dir }), runPrep(args, { cwd: dir })])) succeeds(ended);
  };
  await both('pack', out, '--workers', '2');
  await both('merge', out);
  expect(contents(out)).toEqual(expected);
  expect(temporaryFiles(out)).toEqual([]);
});

test('another plan in the folder of a run that goes on is refused; the run ends as if nothing had been', async () => {
  const run: Run = { at: join(dir, 'another'), pipeline, workers: 1 };
  // Some receipts are long in coming, so that the run goes on meanwhile.
  const { ended, child } = startWith(run, { mode: 'slow', wait: duration / 2 });
  const other = writePipeline(join(dir, 'inputs'), { ...CRASH, window: 512 }, 'other.yaml');
  let refused: Ended | undefined;
  while (child.exitCode === null && refused?.code !== 65) {
    await sleep(20);
    // And not all of the folder, from which temporaries vanish.
    if (existsSync(join(outOf(run), 'plan.json'))) refused = await runPrep([other, '--out', outOf(run)], { cwd: dir });
  }
  expect(refused).toMatchObject({ code: 65, stderr: expect.stringContaining('FINGERPRINT_MISMATCH') as string });
  succeeds(await ended);
  expect(contents(outOf(run))).toEqual(expected);
});

test('the folder of a run that was killed is taken over at once, by two', async () => {
  const run: Run = { at: join(dir, 'killed'), pipeline, workers: 2 };
  expect((await runWith(run, { mode: 'kill', at: 120 })).signal).toBe('SIGKILL');
  const runs = [startRun(run), startRun({ ...run, workers: 1 })];
  for (const { ended } of runs) succeeds(await ended);
  expect(contents(outOf(run))).toEqual(expected);
  expect(temporaryFiles(outOf(run))).toEqual([]);
});
