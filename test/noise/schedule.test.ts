import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { DEFAULT_FORM, type NoiseForm, noiseForm, SCHEDULES } from '../../src/core/noise.ts';
import { levels, SCALE, scheduleOf, steps } from '../../src/noise/index.ts';
import golden from './golden.json' with { type: 'json' };

/** Every schedule with every exponent that is in use; alpha(0) - alpha(1) from its formula. */
const FORMS: readonly [string, Partial<NoiseForm>, number][] = [
  ['linear', { schedule: 'linear' }, 0.999],
  ['log-linear', { schedule: 'log-linear' }, 0.999],
  ['cosine', { schedule: 'cosine' }, 0.999],
  ['polynomial, k = 2', { schedule: 'polynomial', exponent: 2 }, 1],
  ['polynomial, k = 1/2', { schedule: 'polynomial', exponent: 0.5 }, 1],
  ['polynomial, k = 1.3', { schedule: 'polynomial', exponent: 1.3 }, 1],
  ['geometric', { schedule: 'geometric' }, Math.exp(-0.0001) - Math.exp(-20)],
  ['clipped', { schedule: 'clipped' }, 0.5],
];
const formOf = (settings: Partial<NoiseForm>): NoiseForm => ({ ...DEFAULT_FORM, weights: 'derivative', ...settings });
const POINTS = 50_000;
const times = (count: number) => Float64Array.from({ length: count }, (_, i) => (i + 0.5) / count);

test('there is a form for each schedule', () => {
  expect(new Set(FORMS.map(([, { schedule }]) => schedule))).toEqual(new Set(SCHEDULES));
});

describe.each(FORMS)('%s', (_, settings, difference) => {
  const form = formOf(settings);
  const schedule = scheduleOf(form.schedule, form);
  // What is lost where the slope is endless.
  const tolerance = form.exponent < 1 ? 6.2e-5 : 2e-6;

  test('p rises from its least to its greatest value, stored as k / 2^24 above 0', () => {
    let last = 0;
    for (const t of times(2000)) {
      const p = schedule.p(t);
      expect(p).toBeGreaterThanOrEqual(last);
      last = p;
    }
    for (const t of [0, 0.25, 1 - 2 ** -24]) {
      const { p } = levels(form, false, schedule, Float64Array.of(t), Int32Array.of(8));
      expect(p[0]! * SCALE).toBe(steps(schedule.p(t)));
      expect(p[0]).toBeGreaterThan(0);
      expect(p[0]).toBeLessThanOrEqual(1);
    }
  });

  test('its slope is the derivative of p', () => {
    for (const t of [0.1, 0.3, 0.5, 0.77, 0.9]) {
      const h = 1e-5;
      expect(schedule.slope(t) / ((schedule.p(t + h) - schedule.p(t - h)) / (2 * h))).toBeCloseTo(1, 6);
    }
  });

  test('time undoes p', () => {
    for (const t of [0.1, 0.3, 0.5, 0.77, 0.9]) expect(schedule.time(schedule.p(t))).toBeCloseTo(t, 7);
  });

  test('E[p w] = alpha(0) - alpha(1), by quadrature over what is stored', () => {
    // Midpoints of sqrt(t): the slope of t^(1/2) is endless at 0.
    const at = times(POINTS).map((u) => u * u);
    const { p, weight } = levels(form, false, schedule, at, new Int32Array(POINTS).fill(8));
    let sum = 0;
    for (let i = 0; i < POINTS; i++) sum += (p[i]! * weight[i]! * 2 * ((i + 0.5) / POINTS)) / POINTS;
    expect(Math.abs(sum - difference)).toBeLessThan(tolerance);
  });

  test('so it is for the complement, whose p is 1 - p', () => {
    const pairs = { ...form, complementary: true };
    const at = times(POINTS).map((u) => u * u);
    const sizes = new Int32Array(POINTS).fill(8);
    const [one, other] = [levels(pairs, false, schedule, at, sizes), levels(pairs, true, schedule, at, sizes)];
    let [sum, off] = [0, 0];
    for (let i = 0; i < POINTS; i++) {
      off += Math.abs(one.p[i]! + other.p[i]! - 1);
      sum += (other.p[i]! * other.weight[i]! * 2 * ((i + 0.5) / POINTS)) / POINTS;
    }
    expect(off).toBe(0);
    expect(Math.abs(sum - difference)).toBeLessThan(tolerance);
  });
});

describe('LLaDA’s own case', () => {
  const form = noiseForm({});
  const schedule = scheduleOf(form.schedule, form);
  const found = levels(form, false, schedule, times(POINTS), new Int32Array(POINTS).fill(8));
  test('is p = (1 - eps) t + eps with weight 1 / p, to the last bit', () => {
    for (let i = 0; i < POINTS; i += 997) {
      const p = Math.round((0.999 * ((i + 0.5) / POINTS) + 0.001) * SCALE) / SCALE;
      expect(found.p[i]).toBe(p);
      expect(found.weight[i]).toBe(Math.fround(1 / p));
    }
  });
  test('E[p w] = 1, and not 1 - eps', () => {
    let sum = 0;
    for (let i = 0; i < POINTS; i++) sum += (found.p[i]! * found.weight[i]!) / POINTS;
    expect(Math.abs(sum - 1)).toBeLessThan(1e-7);
  });
});

test('weights of clipped are 1 / p by default, of the others from the slope; `one` is no weight', () => {
  expect(noiseForm({ schedule: 'clipped' }).weights).toBe('inverse');
  expect(noiseForm({ schedule: 'cosine' }).weights).toBe('derivative');
  const form = formOf({ weights: 'one', masking: 'exact' });
  const { weight } = levels(form, false, scheduleOf('linear', form), Float64Array.of(0.3), Int32Array.of(9));
  expect(weight[0]).toBe(1);
});

/** p and slope at 4096 times, float64: what every platform and version of Node must find to the last bit, and Python does. */
test.each([
  ['linear', { schedule: 'linear' }],
  ['log-linear', { schedule: 'log-linear' }],
  ['cosine', { schedule: 'cosine' }],
  ['polynomial', { schedule: 'polynomial', exponent: 2 }],
  ['square root', { schedule: 'polynomial', exponent: 0.5 }],
  ['power 1.3', { schedule: 'polynomial', exponent: 1.3 }],
  ['geometric', { schedule: 'geometric' }],
  ['clipped', { schedule: 'clipped' }],
] as const)('%s has the golden bits', (name, settings) => {
  const schedule = scheduleOf(settings.schedule, { ...DEFAULT_FORM, ...settings });
  const values = new Float64Array(2 * 4096);
  for (let i = 0; i < 4096; i++) {
    values[2 * i] = schedule.p(i / 4096);
    values[2 * i + 1] = schedule.slope(i / 4096);
  }
  const hash = createHash('sha256').update(new Uint8Array(values.buffer)).digest('hex');
  expect(hash.slice(0, 16)).toBe(golden[name]);
});
