/** Guarantee 3: SIGKILL at any time loses nothing that is committed; the next run ends with the bytes of an unkilled one. */
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { writeSmallCorpus } from '../support/corpus.ts';
import { contents, temporaryFiles, temporaryFolder } from '../support/folders.ts';
import { prep, startPrep } from '../support/prep.ts';

const POINTS = 20;
const SEED = Number(process.env['CRASH_SEED'] ?? Math.floor(Math.random() * 2 ** 31));
const REPLAY = `replay with CRASH_SEED=${SEED}`;

const dir = temporaryFolder();
const pipeline = writeSmallCorpus(join(dir, 'inputs'));
let expected: Record<string, string>;
/** Milliseconds that an unkilled run takes. */
let duration = 0;

const args = (out: string, workers = 2) => [pipeline, '--workers', String(workers), '--out', out];

/** mulberry32: enough to spread delays. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Runs `prep` and kills it when `when` resolves; false when it had ended by then. */
async function killed(out: string, when: (isOver: () => boolean) => Promise<unknown>): Promise<boolean> {
  const { child, ended } = startPrep(args(out), { cwd: dir });
  await Promise.race([when(() => child.exitCode !== null), ended]);
  child.kill('SIGKILL');
  return (await ended).signal === 'SIGKILL';
}

async function finishesIdentically(out: string): Promise<void> {
  await prep(args(out, 1), { cwd: dir });
  expect(temporaryFiles(join(dir, out)), REPLAY).toEqual([]);
  expect(contents(join(dir, out)), REPLAY).toEqual(expected);
}

beforeAll(async () => {
  await prep(args('warm-up'), { cwd: dir });
  const begun = performance.now();
  await prep(args('unkilled'), { cwd: dir });
  duration = performance.now() - begun;
  expected = contents(join(dir, 'unkilled'));
});

test(`killed at ${POINTS} points over a whole run, and then finished: identical`, { timeout: 240_000 }, async () => {
  const draw = random(SEED);
  const hits: { out: string; planned: boolean; finished: boolean }[] = [];
  for (let point = 0; point < POINTS; point++) {
    const out = `point-${point}`;
    const begun = performance.now();
    const hit = await killed(out, () => sleep((duration * (point + draw())) / POINTS));
    // The machine may have become quicker since the unkilled run: later points are to hit again.
    if (!hit) duration = Math.min(duration, performance.now() - begun);
    const has = (name: string) => existsSync(join(dir, out, name));
    if (hit) hits.push({ out, planned: has('plan.json'), finished: has('manifest.json') });
    await finishesIdentically(out);
  }
  // Delays that all fall before the plan or after the end would prove nothing.
  expect(hits.length, REPLAY).toBeGreaterThanOrEqual(POINTS / 2);
  expect(hits.filter(({ planned, finished }) => planned && !finished).length, REPLAY).toBeGreaterThanOrEqual(1);
  for (const point of [0, POINTS >> 1, POINTS - 1]) await prep(['verify', `point-${point}`], { cwd: dir });
});

test('killed five times in a row, each time later, and then finished: identical', { timeout: 120_000 }, async () => {
  const draw = random(SEED + 1);
  const receipts = join(dir, 'chained/receipts');
  let hits = 0;
  for (const least of [0, 1, 2, 3, 4]) {
    const hit = await killed('chained', async (isOver) => {
      const committed = () => (existsSync(receipts) ? readdirSync(receipts).length : 0);
      while (!isOver() && !(existsSync(join(dir, 'chained/plan.json')) && committed() >= least)) await sleep(2);
      await sleep(40 * draw());
    });
    if (hit) hits++;
  }
  expect(hits, REPLAY).toBeGreaterThanOrEqual(3);
  await finishesIdentically('chained');
  await prep(['verify', 'chained'], { cwd: dir });
});
