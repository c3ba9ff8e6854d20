/** Guarantee 3: SIGKILL anywhere loses nothing that is committed; the next run ends with the bytes of an unkilled one. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { contents, temporaryFolder } from '../support/folders.ts';
import { prep } from '../support/prep.ts';
import {
  draws,
  finish,
  imageOfFolder,
  inPairs,
  outOf,
  record,
  type Run,
  runWith,
  spread,
  stamps,
  startRun,
  writeCrashCorpus,
} from './harness.ts';
import { broken, type Committed, committedBy } from './promises.ts';
import type { Trace } from './trace.ts';

/** Operations at which runs are killed, of some hundred, and kills at random times: `test:long` has all and 200. */
const POINTS = Number(process.env['CRASH_POINTS'] ?? 8);
const KILLS = Number(process.env['CRASH_KILLS'] ?? 4);
const TIMEOUT = 3_600_000;

const dir = temporaryFolder();
const pipeline = writeCrashCorpus(join(dir, 'inputs'));
const seed = draws();
let trace: Trace;
let committed: Committed;
let expected: Record<string, string>;
/** Milliseconds that an unkilled run takes. */
let duration = 0;

beforeAll(async () => {
  const whole: Run = { at: join(dir, 'whole'), pipeline, workers: 1 };
  trace = await record(whole);
  committed = committedBy(trace);
  expected = contents(outOf(whole));
  const begun = performance.now();
  await startRun({ at: join(dir, 'timed'), pipeline, workers: 2 }).ended;
  duration = performance.now() - begun;
  // What is byte for byte the same needs no proof of its own.
  await prep(['verify', outOf(whole)], { cwd: dir });
});

test(`killed before ${POINTS} of all operations, and then finished: identical`, { timeout: TIMEOUT }, async () => {
  const points = spread(trace.points, POINTS, seed);
  const runs = points.flatMap((point, i) =>
    (points.length === trace.points ? [1, 3] : [i % 2 === 0 ? 1 : 3]).map((workers) => ({ point, workers })),
  );
  let hits = 0;
  await inPairs(runs, async ({ point, workers }) => {
    const where = `${seed.replay}: operation ${point}, ${workers} workers`;
    const at = join(dir, `point-${point}-${workers}`);
    const { signal, code } = await runWith({ at, pipeline, workers }, { mode: 'kill', at: point });
    // With more workers there are fewer or more: folders are made by whoever comes first.
    if (signal === 'SIGKILL') hits++;
    else expect([code, workers], where).toEqual([0, 3]);
    expect(broken(imageOfFolder(at), [], committed), where).toEqual([]);
    expect(await finish({ at, pipeline, workers: workers === 1 ? 2 : 1 }, expected), where).toEqual([]);
  });
  expect(hits, seed.replay).toBeGreaterThanOrEqual(runs.length * 0.8);
});

/** Up to 8 runs of one folder, each killed at a random time, and one that finishes it. Returns how many were killed. */
async function chain(number: number): Promise<number> {
  const at = join(dir, `chain-${number}`);
  const before = new Map<string, string>();
  let kills = 0;
  for (let n = Math.ceil(seed.draw() * 8); n > 0; n--) {
    const { child, ended } = startRun({ at, pipeline, workers: 1 + Math.floor(seed.draw() * 4) });
    await Promise.race([sleep(duration * (0.1 + seed.draw())), ended]);
    child.kill('SIGKILL');
    if ((await ended).signal === 'SIGKILL') kills++;
    expect(broken(imageOfFolder(at), [], committed), seed.replay).toEqual([]);
    const receipts = stamps(outOf({ at }));
    for (const [name, stamp] of before) expect(receipts.get(name), `${seed.replay}: ${name} made again`).toBe(stamp);
    for (const [name, stamp] of receipts) before.set(name, stamp);
  }
  expect(await finish({ at, pipeline, workers: 2 }, expected), seed.replay).toEqual([]);
  return kills;
}

test(
  `killed ${KILLS} times at random, time and again, and then finished: identical`,
  { timeout: TIMEOUT },
  async () => {
    let kills = 0;
    for (let i = 0; kills < KILLS; i += 2)
      for (const hits of await Promise.all([chain(i), chain(i + 1)])) kills += hits;
  },
);
