/** Guarantee 3: SIGKILL anywhere loses nothing that is committed; the next run ends with the bytes of an unkilled one. */
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folders.ts';
import { prep } from '../support/prep.ts';
import { draws, finish, imageOfFolder, inPairs, outOf, spread, stamps, startRun, writeCrashCorpus } from './harness.ts';
import { type Build, killedAt, kills, lookedAt } from './modes.ts';
import { broken } from './promises.ts';

/** Operations at which runs are killed, of some hundred, and kills at random times: `test:long` has all and 200. */
const POINTS = Number(process.env['CRASH_POINTS'] ?? 4);
const KILLS = Number(process.env['CRASH_KILLS'] ?? 3);
const TIMEOUT = 7_200_000;

const dir = temporaryFolder();
const pipeline = writeCrashCorpus(join(dir, 'inputs'));
const seed = draws();
let build: Build;
/** Milliseconds that an unkilled run takes. */
let duration = 0;

beforeAll(async () => {
  build = await lookedAt(dir, pipeline);
  const begun = performance.now();
  await startRun({ at: join(dir, 'timed'), pipeline, workers: 2 }).ended;
  duration = performance.now() - begun;
  // What is byte for byte the same needs no proof of its own.
  await prep(['verify', join(dir, 'whole/out')], { cwd: dir });
});

test('what a kill leaves is whole or not there, after any operation', () => {
  const { problems, images, underWay } = kills(build, build.trace);
  expect(problems).toEqual([]);
  expect(underWay).toBeGreaterThan(images / 2);
});

test(`killed before ${POINTS} of all operations, and then finished: identical`, { timeout: TIMEOUT }, async () => {
  const { points } = build.trace;
  const all = POINTS >= points;
  const runs = spread(points, POINTS, seed).flatMap((point, i) =>
    (all ? [1, 3] : [i % 2 === 0 ? 1 : 3]).map((workers) => ({ point, workers })),
  );
  let hits = 0;
  await inPairs(runs, async ({ point, workers }) => {
    const { hit, problems } = await killedAt(build, point, workers);
    expect(problems, `${seed.replay}: operation ${point}, ${workers} workers`).toEqual([]);
    // With more workers there may be fewer operations: folders are made by whoever comes first.
    expect(hit || workers > 1).toBe(true);
    if (hit) hits++;
  });
  expect(hits, seed.replay).toBeGreaterThanOrEqual(runs.length * 0.8);
});

/** Up to 8 runs of one folder, each killed at a random time, and one that finishes it. Returns how many were killed. */
async function chain(number: number): Promise<number> {
  const at = join(dir, `chain-${number}`);
  const before = new Map<string, string>();
  let killed = 0;
  for (let n = Math.ceil(seed.draw() * 8); n > 0; n--) {
    const { child, ended } = startRun({ at, pipeline, workers: 1 + Math.floor(seed.draw() * 4) });
    await Promise.race([sleep(duration * (0.1 + seed.draw())), ended]);
    child.kill('SIGKILL');
    if ((await ended).signal === 'SIGKILL') killed++;
    expect(broken(imageOfFolder(at), [], build.committed), seed.replay).toEqual([]);
    const receipts = stamps(outOf({ at }));
    for (const [name, stamp] of before) expect(receipts.get(name), `${seed.replay}: ${name} made again`).toBe(stamp);
    for (const [name, stamp] of receipts) before.set(name, stamp);
  }
  expect(await finish({ at, pipeline, workers: 2 }, build.expected), seed.replay).toEqual([]);
  return killed;
}

test(
  `killed ${KILLS} times at random, time and again, and then finished: identical`,
  { timeout: TIMEOUT },
  async () => {
    let killed = 0;
    for (let i = 0; killed < KILLS; i += 2)
      for (const times of await Promise.all([chain(i), chain(i + 1)])) killed += times;
  },
);
