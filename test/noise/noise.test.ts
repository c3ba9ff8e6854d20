import { describe, expect, test } from 'vitest';
import { drawPass, linear, maskedPositions, SCALE, stratifiedTimes, windowKey } from '../../src/noise/index.ts';

const range = (count: number) => Int32Array.from({ length: count }, (_, i) => i);

describe('the linear schedule', () => {
  const schedule = linear(0.001);
  test('is LLaDA’s: p = (1 - eps) t + eps, weight 1 / p', () => {
    for (const t of [0, 0.25, 0.5, 0.999999]) {
      const p = schedule.p(t) / SCALE;
      expect(p).toBeCloseTo(0.999 * t + 0.001, 6);
      expect(Math.fround(p)).toBe(p); // k / 2^24 is exact in float32
      expect(schedule.weight(p)).toBe(Math.fround(1 / p));
    }
  });
  test('E[p w] = 1 = alpha(0) - alpha(1) up to eps', () => {
    let sum = 0;
    for (let i = 0; i < 1000; i++) {
      const p = schedule.p((i + 0.5) / 1000) / SCALE;
      sum += p * schedule.weight(p);
    }
    expect(sum / 1000).toBeCloseTo(1, 6);
  });
});

describe('times', () => {
  test('fall once into each stratum of every optimizer batch, the last short one included', () => {
    const times = stratifiedTimes(range(44), 8, 5, 0);
    for (let first = 0; first < 44; first += 8) {
      const batch = [...times.subarray(first, first + 8)];
      const strata = batch.map((t) => Math.floor(t * batch.length));
      expect(strata.sort((a, b) => a - b)).toEqual([...range(batch.length)]);
    }
  });
  test('are uniform (Kolmogorov-Smirnov, 10,000 draws without strata)', () => {
    const times = [...stratifiedTimes(range(10_000), 1, 5, 0)].sort((a, b) => a - b);
    const distance = Math.max(...times.map((t, i) => Math.max(Math.abs(t - i / 1e4), Math.abs(t - (i + 1) / 1e4))));
    expect(distance).toBeLessThan(2.23 / Math.sqrt(10_000)); // p = 1e-4
  });
  test('do not put a place of the batch always into the same stratum', () => {
    const times = stratifiedTimes(range(8000), 8, 5, 0);
    const first = Array.from({ length: 1000 }, (_, batch) => Math.floor(times[batch * 8]! * 8));
    for (let stratum = 0; stratum < 8; stratum++) expect(first.filter((s) => s === stratum).length).toBeGreaterThan(80); // 125 expected, sd 10.5
  });
});

describe('masked positions', () => {
  const row = (length: number, p: number) => ({
    unitLengths: Int32Array.of(length),
    p: Float32Array.of(p),
    key: windowKey(1, 2, 3),
  });
  test('are masked with probability p (binomial, 5 sd)', () => {
    for (const p of [0.001, 0.1, 0.5, 0.9]) {
      const n = 200_000;
      const masked = maskedPositions(row(n, p), n).reduce((sum, bit) => sum + bit, 0);
      expect(Math.abs(masked - n * p)).toBeLessThan(5 * Math.sqrt(n * p * (1 - p)));
    }
  });
  test('p = 1 masks all, padding stays', () => {
    expect([...maskedPositions(row(5, 1), 8)]).toEqual([1, 1, 1, 1, 1, 0, 0, 0]);
  });
  test('depend on the position alone: units of the same p change nothing, more p only adds', () => {
    const whole = maskedPositions(row(1000, 0.3), 1000);
    const units = maskedPositions(
      { unitLengths: Int32Array.of(3, 500, 497), p: Float32Array.of(0.3, 0.3, 0.3), key: windowKey(1, 2, 3) },
      1000,
    );
    expect(units).toEqual(whole);
    const more = maskedPositions(row(1000, 0.6), 1000);
    expect(whole.every((bit, i) => bit <= more[i]!)).toBe(true);
  });
  test('differ between windows, passes and seeds', () => {
    const keys = [windowKey(1, 2, 3), windowKey(1, 2, 4), windowKey(1, 3, 3), windowKey(2, 2, 3)].map(String);
    expect(new Set(keys).size).toBe(4);
  });
});

describe('a pass', () => {
  const settings = { pass: 0, seed: 9, schedule: linear(0.001), batchWindows: 4 };
  test('has one draw for each window, in window order, and is the same again', () => {
    const train = Int32Array.of(0, 1, 4, 5);
    const validation = Int32Array.of(2, 3);
    const draws = drawPass(train, validation, settings);
    expect(draws.map(({ window }) => window)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(drawPass(train, validation, settings)).toEqual(draws);
    expect(drawPass(train, validation, { ...settings, pass: 1 })).not.toEqual(draws);
  });
});
