/** Guarantee 3 on a disk that is full or broken: a coded error, nothing committed changed, and the same command goes on. */
import { cpSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folders.ts';
import { draws, inPairs, record, type Run, runWith, spread, writeCrashCorpus } from './harness.ts';
import { blindAt, type Build, failedAt, lookedAt, shortFrom } from './modes.ts';
import { pointOf } from './trace.ts';

/** Operations that fail, of some hundred, for each kind of failure; `test:long` has all. */
const POINTS = Number(process.env['CRASH_POINTS'] ?? 2);
const NEXT = 10;
const TIMEOUT = 7_200_000;

const dir = temporaryFolder();
const pipeline = writeCrashCorpus(join(dir, 'inputs'));
const seed = draws();
let build: Build;

beforeAll(async () => {
  build = await lookedAt(dir, pipeline);
});

test.each([
  { code: 'ENOSPC', always: false },
  { code: 'ENOSPC', always: true },
  { code: 'EIO', always: false },
  { code: 'EIO', always: true },
] as const)('$code at any operation (and at all after it: $always)', { timeout: TIMEOUT }, async ({ code, always }) => {
  let hits = 0;
  const points = spread(build.trace.points, POINTS, seed);
  await inPairs(points, async (at) => {
    // What fails may be a claim, which is a hint, or take no space: then the next one, where not all of them are tried anyway.
    for (let next = at; next < Math.min(at + NEXT, build.trace.points); next++) {
      const { hit, problems } = await failedAt(build, { mode: 'fail', code, always, at: next });
      expect(problems, `${seed.replay}: operation ${next}`).toEqual([]);
      if (hit) hits++;
      if (hit || points.length === build.trace.points) break;
    }
  });
  expect(hits).toBeGreaterThan(0);
});

test('a manifest that is in place, and that the disk does not make last', async () => {
  const { operations } = build.trace;
  const named = operations.findIndex((operation) => operation.op === 'rename' && operation.to === 'out/manifest.json');
  const { number: at } = operations.slice(named).find(({ op }) => op === 'syncFolder')!;
  const { hit, problems } = await failedAt(build, { mode: 'fail', code: 'EIO', always: false, at: at! });
  expect(problems).toEqual([]);
  expect(hit).toBe(true);
});

test('EIO at any look at what an earlier run left', { timeout: TIMEOUT }, async () => {
  const from: Run = { at: join(dir, 'left'), pipeline, workers: 1 };
  const point = pointOf(build.trace, 'create', /manifest/);
  expect((await runWith(from, { mode: 'kill', at: point })).signal).toBe('SIGKILL');
  cpSync(from.at, join(dir, 'left-whole'), { recursive: true });
  const { looks } = await record({ ...from, at: join(dir, 'left-whole') });
  let hits = 0;
  await inPairs(spread(looks, POINTS, seed), async (at) => {
    const { hit, problems } = await blindAt(build, from.at, at);
    expect(problems, `${seed.replay}: look ${at}`).toEqual([]);
    if (hit) hits++;
  });
  expect(hits).toBeGreaterThan(0);
});

test('a disk that takes part of a write gets the rest afterwards', { timeout: TIMEOUT }, async () => {
  for (const always of [false, true]) {
    const at = Math.floor(seed.draw() * (always ? 9 : build.trace.points));
    expect(await shortFrom(build, at, always), `${seed.replay}: operation ${at}`).toEqual([]);
  }
});
