import { describe, expect, test } from 'vitest';
import { batchTimes } from '../../src/noise/index.ts';
import { chiLimit, chiSquare } from './corpus.ts';

const range = (count: number) => Int32Array.from({ length: count }, (_, i) => i);
const ones = (count: number) => new Int32Array(count).fill(1);

/** Kolmogorov-Smirnov distance of values from the uniform distribution on [0, 1). */
function distance(values: Float64Array): number {
  const { length } = values;
  return values
    .sort()
    .reduce((most, t, i) => Math.max(most, Math.abs(t - i / length), Math.abs(t - (i + 1) / length)), 0);
}

describe('stratified times', () => {
  test.each([
    ['8 windows of one unit', ones(8)],
    ['the 5 of a last batch', ones(5)],
    ['one window', ones(1)],
    ['64 windows of 1 to 40 documents', range(64).map((i) => 1 + ((i * 17) % 40))],
    ['a window of 30,000 blocks and 3 of one', Int32Array.of(1, 30_000, 1, 1)],
  ])('fall once into each bin of the whole batch: %s', (_, counts) => {
    const size = counts.reduce((sum, n) => sum + n, 0);
    const times = batchTimes('stratified', range(counts.length), counts, 5, 0);
    const bins = times.map((t) => Math.floor(t * size)).sort();
    expect([...bins]).toEqual([...range(size)]);
  });

  test('do not put a place of the batch always into the same bin (chi-square, 2,000 batches of 8)', () => {
    const seen = new Float64Array(64);
    for (let batch = 0; batch < 2000; batch++)
      batchTimes(
        'stratified',
        range(8).map((i) => batch * 8 + i),
        ones(8),
        5,
        0,
      ).forEach((t, place) => seen[place * 8 + Math.floor(t * 8)]!++);
    // 49 degrees of freedom. A bin 20 % too often for one place gives 50 more on average.
    expect(chiSquare(seen, new Float64Array(64).fill(250))).toBeLessThan(chiLimit(49));
  });

  test('depend on the windows and not on their order in the batch', () => {
    const there = batchTimes('stratified', Int32Array.of(3, 9, 4), Int32Array.of(2, 1, 3), 1, 0);
    const back = batchTimes('stratified', Int32Array.of(4, 9, 3), Int32Array.of(3, 1, 2), 1, 0);
    expect([...back.subarray(4), back[3], ...back.subarray(0, 3)]).toEqual([...there]);
  });
});

/**
 * 20,000 draws: the distance exceeds 2.23 / sqrt(n) = 0.0158 one time in 10,000; a distribution function that is off by 0.03
 * anywhere is found out 999 times in 1,000.
 */
test.each(['stratified', 'antithetic', 'uniform'] as const)('%s times are uniform (Kolmogorov-Smirnov)', (times) => {
  const all = new Float64Array(20_000);
  for (let batch = 0; batch < 5000; batch++)
    all.set(
      batchTimes(
        times,
        range(4).map((i) => batch * 4 + i),
        ones(4),
        5,
        1,
      ),
      batch * 4,
    );
  expect(distance(all)).toBeLessThan(2.23 / Math.sqrt(20_000));
});

test('antithetic times come in pairs t, 1 - t; what is left over is by itself', () => {
  const times = batchTimes('antithetic', range(3), Int32Array.of(2, 1, 2), 5, 0);
  for (const i of [0, 2]) expect(times[i]! + times[i + 1]!).toBe(1 - 2 ** -24);
  expect(times).toHaveLength(5);
  expect(Math.max(...times)).toBeLessThan(1);
});

test('the first time of a window does not depend on how many units it has', () => {
  const of = (units: number) => batchTimes('uniform', Int32Array.of(3), Int32Array.of(units), 5, 0)[0];
  expect(of(7)).toBe(of(1));
});
