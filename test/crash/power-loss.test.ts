/** Guarantee 3 on a disk that loses what it may: what was acknowledged is there, there is no hole, and the next run mends it. */
import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folders.ts';
import { Disk, type Image, layOut } from './disk.ts';
import { draws, finish, imageOfFolder, inPairs, record, writeCrashCorpus } from './harness.ts';
import { type Loss, lossesOf } from './losses.ts';
import { type Build, lookedAt, powerLosses } from './modes.ts';
import type { Operation, Trace } from './trace.ts';

/** Losses of each recorded run that are looked at, and those of them that a run goes on from. `test:long` has more. */
const SCHEDULES = Number(process.env['CRASH_SCHEDULES'] ?? 1000);
const RESUMED = Number(process.env['CRASH_RESUMED'] ?? 2);

const dir = temporaryFolder();
const pipeline = writeCrashCorpus(join(dir, 'inputs'));
const seed = draws();
let build: Build;
/** By workers. */
const traces = new Map<number, Trace>();

beforeAll(async () => {
  build = await lookedAt(dir, pipeline);
  traces.set(1, build.trace);
  traces.set(3, await record({ at: join(dir, 'whole-3'), pipeline, workers: 3 }));
});

const hashes = (image: Image) =>
  Object.fromEntries([...image].map(([path, content]) => [path, createHash('sha256').update(content).digest('hex')]));

test('the disk of the model ends as the real one did', () => {
  for (const [workers, { operations }] of traces) {
    const disk = new Disk();
    for (const operation of operations) disk.apply(operation);
    const real = imageOfFolder(join(dir, workers === 1 ? 'whole' : `whole-${workers}`));
    expect(hashes(disk.killed())).toEqual(hashes(real));
  }
});

test(`nothing that was acknowledged is lost, and no hole is left, in any of ${SCHEDULES} losses`, () => {
  for (const trace of traces.values()) {
    const { problems, images, underWay } = powerLosses(build, trace, SCHEDULES, seed);
    expect(problems, seed.replay).toEqual([]);
    expect(images).toBe(SCHEDULES);
    expect(underWay, seed.replay).toBeGreaterThan(SCHEDULES / 10);
  }
});

test('folders that another made a moment ago and did not sync are as good as new', async () => {
  const at = join(dir, 'made');
  const below = ['masks', 'masks/adaptive', 'shards', 'receipts', 'documents'].map((name) => `out/${name}`);
  for (const folder of ['out', ...below]) mkdirSync(join(at, folder), { recursive: true });
  const trace = await record({ at, pipeline, workers: 2 });
  const made = ['out', ...below].map((path): Operation => ({ op: 'mkdir', path, thread: -1 }));
  const looked = powerLosses(build, { ...trace, operations: [...made, ...trace.operations] }, SCHEDULES, seed);
  expect(looked.problems, seed.replay).toEqual([]);
});

test(
  `after ${RESUMED} losses the next run ends with the bytes of an unbroken one`,
  { timeout: 7_200_000 },
  async () => {
    const losses: (Loss & { workers: number })[] = [];
    for (const [workers, { operations }] of traces)
      for (const loss of lossesOf(operations, RESUMED / 2, seed)) losses.push({ ...loss, workers });
    await inPairs([...losses.entries()], async ([i, { image, name, workers }]) => {
      const at = join(dir, `lost-${i}`);
      layOut(image, at);
      const problems = await finish({ at, pipeline, workers: workers === 1 ? 2 : 1 }, build.expected);
      expect(problems, `${seed.replay}: ${name}`).toEqual([]);
    });
  },
);
