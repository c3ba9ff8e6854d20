import { describe, expect, test } from 'vitest';
import { philox, STREAM } from '../../src/core/random.ts';
import type { NoiseForm } from '../../src/core/noise.ts';
import { chance, corrupt, exactCount, Masker, SCALE, windowKey } from '../../src/noise/index.ts';
import { maskSmallest } from '../../src/noise/masker.ts';
import { smallest } from '../../src/noise/select.ts';
import { chiLimit, chiSquare, formOf } from './corpus.ts';

const KEY = windowKey(1, 2, 3);
const unit = (length: number, p: number, key: readonly [number, number] = KEY) => ({
  unitLengths: Int32Array.of(length),
  p: Float32Array.of(p),
  key,
});
const whole = [{ start: 0, promptTokens: 0 }];
const ones = (masked: Uint8Array) => masked.reduce((sum, bit) => sum + bit, 0);
const fresh = (form: Partial<NoiseForm>, length: number, pass = 0) => new Masker(formOf(form), pass, length);

describe('each token by itself', () => {
  test('is masked where the upper 24 bits of its Philox word are below p 2^24', () => {
    const draw = new Uint32Array(4);
    const masked = fresh({}, 37).mask(unit(37, 0.4), whole);
    for (let i = 0; i < 37; i++) {
      philox(draw, KEY, i >>> 2, 0, 0, STREAM.position);
      expect(masked[i], `position ${i}`).toBe(draw[i & 3]! >>> 8 < Math.round(Math.fround(0.4) * SCALE) ? 1 : 0);
    }
  });

  test.each([0.001, 0.1, 0.5, 0.9, 0.999])('with probability %s (chi-square, 400,000 positions in 64 places)', (p) => {
    const masker = fresh({}, 64);
    const seen = new Float64Array(128);
    const windows = 6250;
    for (let window = 0; window < windows; window++)
      masker.mask(unit(64, p, windowKey(3, 0, window)), whole).forEach((bit, i) => seen[2 * i + bit]!++);
    const q = Math.round(Math.fround(p) * SCALE) / SCALE;
    // 64 degrees of freedom; at p = 0.5 a probability that is off by 0.01 gives 160 more.
    const expected = seen.map((_, i) => windows * (i % 2 === 1 ? q : 1 - q));
    expect(chiSquare(seen, expected)).toBeLessThan(chiLimit(64));
    // The sum over all places sees a shift in all of them: 5 standard deviations, 0.004 at p = 0.5.
    const all = seen.reduce((sum, n, i) => sum + (i % 2) * n, 0);
    expect(Math.abs(all - 64 * windows * q)).toBeLessThan(5 * Math.sqrt(64 * windows * q * (1 - q)));
  });

  test('a word that is p 2^24 itself is not below it, and so its token is the complement’s', () => {
    const draw = new Uint32Array(4);
    philox(draw, KEY, 0, 0, 0, STREAM.position);
    const p = (draw[0]! >>> 8) / SCALE;
    expect(fresh({ complementary: true }, 1).mask(unit(1, p), whole)[0]).toBe(0);
    expect(fresh({ complementary: true }, 1, 1).mask(unit(1, 1 - p), whole)[0]).toBe(1);
  });

  test('p = 1 masks all, padding stays; a window of one token works', () => {
    expect([...fresh({}, 8).mask(unit(5, 1), whole)]).toEqual([1, 1, 1, 1, 1, 0, 0, 0]);
    expect([...fresh({}, 1).mask(unit(1, 1), whole)]).toEqual([1]);
  });

  test('what a window leaves behind does not show in the next', () => {
    const masker = fresh({ atLeastOne: true }, 16);
    masker.mask(unit(16, 1), whole);
    expect([...masker.mask(unit(3, 1), [{ start: 0, promptTokens: 2 }])]).toEqual([
      0,
      0,
      1,
      ...Array<number>(13).fill(0),
    ]);
  });

  test('depends on the position alone: units of the same p change nothing, more p only adds', () => {
    const masker = fresh({}, 1000);
    const all = masker.mask(unit(1000, 0.3), whole).slice();
    const units = { unitLengths: Int32Array.of(3, 500, 497), p: Float32Array.of(0.3, 0.3, 0.3), key: KEY };
    expect(masker.mask(units, whole)).toEqual(all);
    const more = masker.mask(unit(1000, 0.6), whole);
    expect(all.every((bit, i) => bit <= more[i]!)).toBe(true);
  });

  test('differs between windows, passes and seeds', () => {
    const keys = [windowKey(1, 2, 3), windowKey(1, 2, 4), windowKey(1, 3, 3), windowKey(2, 2, 3)].map(String);
    expect(new Set(keys).size).toBe(4);
  });
});

/** Outcomes of a unit of n tokens as numbers of n bits, over many windows. */
function outcomes(form: Partial<NoiseForm>, n: number, p: number, windows: number, pass = 0): Float64Array {
  const seen = new Float64Array(2 ** n);
  const masker = fresh(form, n, pass);
  for (let window = 0; window < windows; window++)
    seen[masker.mask(unit(n, p, windowKey(11, 0, window)), whole).reduce((bits, bit, i) => bits | (bit << i), 0)]!++;
  return seen;
}
const bitsOf = (outcome: number): number => outcome.toString(2).replaceAll('0', '').length;

/** A weight of 2 % on a wrong outcome gives 40 or more above what chance does, at 100,000 windows. */
const WINDOWS = 100_000;

describe('at least one', () => {
  const expectAsOften = (
    outcomes: number[],
    seen: ArrayLike<number>,
    probability: (outcome: number) => number,
  ): void => {
    const found = outcomes.map((o) => seen[o]!);
    const expected = outcomes.map((o) => WINDOWS * probability(o));
    expect(chiSquare(found, expected)).toBeLessThan(chiLimit(outcomes.length - 1));
  };

  test.each([0.02, 0.3])('every outcome but none as often as its probability says, p = %s (chi-square)', (p) => {
    const q = Math.fround(p);
    const seen = outcomes({ atLeastOne: true }, 4, p, WINDOWS);
    const probability = (o: number) => (q ** bitsOf(o) * (1 - q) ** (4 - bitsOf(o))) / (1 - (1 - q) ** 4);
    expect(seen[0]).toBe(0);
    const often = Array.from({ length: 15 }, (_, o) => o + 1).filter((o) => WINDOWS * probability(o) >= 5);
    expect(often.length).toBeGreaterThanOrEqual(p < 0.1 ? 10 : 15);
    expectAsOften(often, seen, probability);
  });

  test.each([0.02, 0.6])('of pairs every outcome but none and all, p = %s (chi-square)', (p) => {
    const q = Math.fround(p);
    const form = { atLeastOne: true, complementary: true };
    const seen = outcomes(form, 4, p, WINDOWS);
    const probability = (o: number) => (q ** bitsOf(o) * (1 - q) ** (4 - bitsOf(o))) / (1 - (1 - q) ** 4 - q ** 4);
    expect([seen[0], seen[15]]).toEqual([0, 0]);
    const often = Array.from({ length: 14 }, (_, o) => o + 1).filter((o) => WINDOWS * probability(o) >= 5);
    expect(often.length).toBeGreaterThanOrEqual(p < 0.1 ? 10 : 14);
    expectAsOften(often, seen, probability);
  });

  test('nothing is drawn again where the first draw will do', () => {
    const first = fresh({}, 1000).mask(unit(1000, 0.3), whole).slice();
    expect(fresh({ atLeastOne: true }, 1000).mask(unit(1000, 0.3), whole)).toEqual(first);
  });
});

describe('exact counts', () => {
  test('mask round(p n), halves up, and at least one', () => {
    const masker = fresh({ masking: 'exact' }, 1000);
    for (const [p, n, count] of [
      [0.5, 1000, 500],
      [0.5, 5, 3],
      [0.25, 6, 2],
      [0.001, 7, 1],
      [1, 9, 9],
      [0.5, 1, 1],
    ] as const)
      expect(ones(masker.mask(unit(n, p), whole)), `${p} of ${n}`).toBe(count);
    expect(exactCount(SCALE, 1, false)).toBe(1);
  });

  test('of a pair the two counts are n together, and the chances follow them', () => {
    const form = formOf({ masking: 'exact', complementary: true });
    expect(chance(form, SCALE / 2, 5, false)).toBe(3 / 5);
    expect(chance(form, SCALE / 2, 5, true)).toBe(2 / 5);
    expect(chance(form, 1, 5, false)).toBe(1 / 5);
    expect(chance(form, SCALE - 1, 5, true)).toBe(4 / 5);
  });

  test.each([1, 2, 100, 511, 512, 20_000])('the k-th smallest of %s words, equal ones among them', (n) => {
    const draw = new Uint32Array(4);
    const values = Uint32Array.from({ length: n }, (_, i) => {
      philox(draw, KEY, i, 0, 0, STREAM.position);
      return i % 3 === 0 ? draw[0]! % 7 : draw[0]!;
    });
    const sorted = values.slice().sort();
    for (const k of new Set([1, Math.ceil(n / 4), Math.ceil(n / 2), n]))
      expect(smallest(values.slice(), n, k), `k = ${k}`).toBe(sorted[k - 1]);
  });

  test('words that differ in their last bit are told apart, and of equal ones the first are taken', () => {
    const draw = new Uint32Array(4);
    for (let round = 0; round < 2000; round++) {
      philox(draw, KEY, round, 0, 0, STREAM.position);
      // Few different words: many twins in all but the last bit, and many equal ones.
      const n = 2 + (draw[0]! % 12);
      const words = Uint32Array.from({ length: n }, (_, i) => (draw[1]! >>> (2 * i)) % 4);
      const open = Uint8Array.from({ length: n }, (_, i) => (((draw[2]! >>> i) & 7) === 0 ? 0 : 1));
      const maskable = open.reduce((sum, bit) => sum + bit, 0);
      if (maskable === 0) continue;
      const count = 1 + (draw[3]! % maskable);
      const order = [...words.keys()].filter((i) => open[i]).sort((a, b) => words[a]! - words[b]! || a - b);
      const expected = new Uint8Array(n);
      for (const i of order.slice(0, count)) expected[i] = 1;
      const masked = new Uint8Array(n);
      maskSmallest(words, open, masked, new Uint32Array(n + 1), 0, n, Math.round((count / maskable) * SCALE), false);
      expect(masked, `words ${words.join()}, open ${open.join()}, ${count}`).toEqual(expected);
    }
  });

  test('every set of 2 of 6 as often (chi-square)', () => {
    const seen = outcomes({ masking: 'exact' }, 6, 1 / 3, WINDOWS);
    const pairs = [...seen.keys()].filter((o) => bitsOf(o) === 2);
    expect(pairs.reduce((sum, o) => sum + seen[o]!, 0)).toBe(WINDOWS);
    expect(
      chiSquare(
        pairs.map((o) => seen[o]!),
        pairs.map(() => WINDOWS / 15),
      ),
    ).toBeLessThan(chiLimit(14));
  });

  test('are the positions with the smallest words', () => {
    const draw = new Uint32Array(4);
    const words = Array.from({ length: 300 }, (_, i) => {
      philox(draw, KEY, i >>> 2, 0, 0, STREAM.position);
      return { i, word: draw[i & 3]! };
    });
    const expected = words
      .sort((a, b) => a.word - b.word || a.i - b.i)
      .slice(0, 90)
      .map(({ i }) => i);
    const masked = fresh({ masking: 'exact' }, 300).mask(unit(300, 0.3), whole);
    expect([...masked.keys()].filter((i) => masked[i])).toEqual(expected.sort((a, b) => a - b));
  });
});

const FORMS: readonly Partial<NoiseForm>[] = [
  {},
  { atLeastOne: true },
  { masking: 'exact' },
  { complementary: true },
  { complementary: true, atLeastOne: true },
  { complementary: true, masking: 'exact' },
];

describe.each(FORMS)('%j', (form) => {
  const lengths = [40, 2, 33, 125];
  const segments = [
    { start: 0, promptTokens: 7 },
    { start: 40, promptTokens: 0 },
    { start: 42, promptTokens: 31 },
    { start: 75, promptTokens: 0 },
  ];
  const masker = fresh(form, 256);
  const row = (p: number, key = KEY) => ({
    unitLengths: Int32Array.from(lengths),
    p: new Float32Array(4).fill(p),
    key,
  });

  test('never masks a prompt or padding', () => {
    for (const p of [0.001, 0.5, 0.999]) {
      const masked = masker.mask(row(p), segments);
      for (const { start, promptTokens } of segments)
        expect(ones(masked.subarray(start, start + promptTokens))).toBe(0);
      expect(ones(masked.subarray(200))).toBe(0);
      expect(masked).toHaveLength(256);
    }
  });

  test('the other pass of a pair masks what is left', () => {
    if (!form.complementary) return;
    const other = fresh(form, 256, 1);
    for (const p of [0.001, 0.25, 0.9])
      for (let window = 0; window < 50; window++) {
        const key = windowKey(1, 0, window);
        const k = Math.round(Math.fround(p) * SCALE);
        const one = masker.mask(row(k / SCALE, key), segments).slice();
        const two = other.mask(row(1 - k / SCALE, key), segments);
        const open = one.map((bit, i) => bit + two[i]!);
        const free = open.map((_, i) =>
          i < 200 && segments.every((s) => i < s.start || i >= s.start + s.promptTokens) ? 1 : 0,
        );
        expect(open).toEqual(free);
        if (form.atLeastOne || form.masking === 'exact')
          for (const masked of [one, two])
            for (const [i, { start }] of segments.entries())
              expect(ones(masked.subarray(start, start + lengths[i]!))).toBeGreaterThan(0);
      }
  });
});

test('corrupting puts the mask id where a token is masked, and counts', () => {
  const xt = new Int32Array(4);
  expect(corrupt(Int32Array.of(5, 6, 7, 8), Uint8Array.of(0, 1, 0, 1, 1), 99, xt)).toBe(2);
  expect([...xt]).toEqual([5, 99, 7, 99]);
});
