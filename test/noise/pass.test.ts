import { describe, expect, test } from 'vitest';
import { noiseFault } from '../../src/core/noise.ts';
import { permutation } from '../../src/core/random.ts';
import { drawPass, type NoiseWindow, passLength, SCALE, unitsOf } from '../../src/noise/index.ts';
import { corpusOf, drawsOf, formOf, windowOf } from './corpus.ts';

describe('units', () => {
  const window = windowOf([[5, 2], [3], [9, 9], [4]], [0, 0, 1, 2]);
  const units = (settings: Parameters<typeof formOf>[0], length = 21) => {
    const { lengths, maskable } = unitsOf(formOf(settings), window.segments, length);
    return [[...lengths], [...maskable]];
  };
  test('a window is one', () => expect(units({})).toEqual([[21], [10]]));
  test('a document is one; a prompt counts and is not maskable', () =>
    expect(units({ per: 'document' })).toEqual([
      [5, 3, 9, 4],
      [3, 3, 0, 4],
    ]));
  test('an attention group is one', () =>
    expect(units({ per: 'group' })).toEqual([
      [8, 9, 4],
      [6, 0, 4],
    ]));
  test('blocks begin anew with each document, the last one shorter', () =>
    expect(units({ per: 'block', blockTokens: 4 })).toEqual([
      [4, 1, 3, 4, 4, 1, 4],
      [2, 1, 3, 0, 0, 0, 4],
    ]));
  test('a length cuts the last unit, and what is after it is in none', () => {
    expect(units({ per: 'document' }, 6)).toEqual([
      [5, 1],
      [3, 1],
    ]);
    expect(units({ per: 'group' }, 8)).toEqual([[8], [6]]);
    expect(units({}, 1)).toEqual([[1], [0]]);
  });
});

describe('a pass', () => {
  const windows = Array.from({ length: 90 }, (_, i) => windowOf([[1 + (i % 7)], [30, 4], [2]]));
  const corpus = corpusOf(windows, 12);

  test('has one draw for each window, in window order, and is the same again', async () => {
    const draws = await drawsOf(corpus, formOf({ batchWindows: 4 }));
    expect(draws.map(({ window }) => window)).toEqual(windows.map((_, i) => i));
    expect(await drawsOf(corpus, formOf({ batchWindows: 4 }))).toEqual(draws);
    expect(await drawsOf(corpus, formOf({ batchWindows: 4 }), 1)).not.toEqual(draws);
    expect(draws.every(({ unitLengths }, i) => unitLengths[0] === windows[i]!.numTokens)).toBe(true);
  });

  test.each(['window', 'document', 'block'] as const)(
    'per %s: each bin of every batch of the training order once, of all units of all its windows',
    async (per) => {
      const form = formOf({ per, blockTokens: 8, schedule: 'clipped', beta: 2 ** -20, omega: 1, batchWindows: 16 });
      const draws = await drawsOf(corpus, form, 3);
      const order = permutation(78, 7, 3);
      let batches = 0;
      for (let first = 0; first < 78; first += 16) {
        const ps = [...order.subarray(first, first + 16)].flatMap((window) => [...draws[window]!.p]);
        const bins = ps.map((p) => Math.floor(Math.min(p, 1 - 2 ** -24) * ps.length));
        expect(bins.sort((a, b) => a - b)).toEqual(ps.map((_, i) => i));
        batches++;
      }
      expect(batches).toBe(5);
    },
  );

  test('of a pair has the same keys and lengths, and 1 - p', async () => {
    const form = formOf({ schedule: 'cosine', complementary: true, per: 'document', randomLength: 0.3 });
    const [one, two] = [await drawsOf(corpus, form, 2), await drawsOf(corpus, form, 3)];
    for (const [i, { p, key, unitLengths }] of one.entries()) {
      expect(two[i]!.key).toEqual(key);
      expect(two[i]!.unitLengths).toEqual(unitLengths);
      expect([...two[i]!.p].map((q, u) => q + p[u]!)).toEqual(Array(p.length).fill(1));
    }
  });

  test('a share of windows is cut to a uniform length, at least one token', () => {
    const form = formOf({ randomLength: 0.25 });
    const lengths = Array.from({ length: 20_000 }, (_, window) => passLength(form, 1, 0, window, 10));
    const seen = Array.from({ length: 10 }, (_, i) => lengths.filter((length) => length === i + 1).length);
    // 500 of each length are expected of 20,000 x 0.25 / 10, sd 22; and the rest is whole.
    for (const n of seen.slice(0, 9)) expect(Math.abs(n - 500)).toBeLessThan(5 * 22);
    expect(Math.abs(seen[9]! - 15_500)).toBeLessThan(5 * 60);
    expect(passLength(formOf({}), 1, 0, 3, 10)).toBe(10);
  });

  test('p is never 0, and a window of one token works', async () => {
    const one = corpusOf([windowOf([[1]])]);
    for (const schedule of ['linear', 'cosine', 'geometric'] as const)
      for (const masking of ['bernoulli', 'exact'] as const) {
        const [draw] = await drawsOf(one, formOf({ schedule, masking, atLeastOne: true }));
        expect(draw!.p[0]! * SCALE).toBeGreaterThanOrEqual(1);
        expect(draw!.weight[0]).toBeGreaterThan(0);
      }
  });

  test('a unit of prompt alone weighs nothing', async () => {
    const [draw] = await drawsOf(corpusOf([windowOf([[4, 4], [4]])]), formOf({ per: 'document' }));
    expect(draw!.weight[0]).toBe(0);
    expect(draw!.weight[1]).toBeGreaterThan(0);
  });
});

describe('what cannot be is refused with a code', () => {
  const first = async (window: NoiseWindow, settings: Parameters<typeof formOf>[0]) => {
    await drawPass(corpusOf([window]), formOf(settings), 0).next();
  };
  const pairs = { complementary: true, per: 'document' } as const;
  test('the complement of a unit of one token', async () => {
    const short = windowOf([[8], [3, 2]]);
    const impossible = { code: 'NOISE_IMPOSSIBLE', message: expect.stringContaining('window 0, unit 1') as string };
    await expect(first(short, { ...pairs, atLeastOne: true })).rejects.toMatchObject(impossible);
    await expect(first(short, { ...pairs, masking: 'exact' })).rejects.toMatchObject(impossible);
    // Without a promise of one masked token each, one of the two masks it and the other nothing.
    await expect(first(short, pairs)).resolves.toBeUndefined();
    await expect(first(windowOf([[8], [3, 3]]), { ...pairs, masking: 'exact' })).resolves.toBeUndefined();
  });
  test.each([
    ['a segment of no tokens', [[4], [0]]],
    ['a prompt longer than its segment', [[4, 5]]],
    ['no segment', []],
  ] as const)('%s', async (_, documents) => {
    await expect(first(windowOf(documents), {})).rejects.toMatchObject({
      code: 'CORPUS_CORRUPT',
    });
  });
  test('segments that do not tile their window', async () => {
    const window = windowOf([[4], [4]]);
    await expect(first({ ...window, numTokens: 9 }, {})).rejects.toMatchObject({ code: 'CORPUS_CORRUPT' });
    const gap = window.segments.map((segment, i) => ({ ...segment, start: segment.start + i }));
    await expect(first({ ...window, segments: gap }, {})).rejects.toMatchObject({ code: 'CORPUS_CORRUPT' });
  });
  test('settings that do not go together', () => {
    expect(noiseFault(formOf({ schedule: 'clipped', beta: 0.5, omega: 0.5 }))?.[0]).toBe('omega');
    expect(noiseFault(formOf({ schedule: 'geometric', sigmaMin: 2, sigmaMax: 1 }))?.[0]).toBe('sigma_max');
    expect(noiseFault(formOf({ schedule: 'cosine', beta: 0.5, omega: 0.5 }))).toBeNull();
  });
});

describe('context weights', () => {
  const windows = [windowOf([[4], [4], [4]]), windowOf([[16], [5]]), windowOf([[64]])];
  test('are 1 + alpha r / mean r, r = (q + 1e-6)^-gamma over the log2 of a group’s length', async () => {
    const draws = await drawsOf(corpusOf(windows, 1), formOf({ contextAlpha: 0.15 }));
    // Training tokens: 17 in groups of 4 to 7, 16 in the one of 16.
    const [q, r] = [
      [17 / 33, 16 / 33],
      [Math.sqrt(33 / 17), Math.sqrt(33 / 16)],
    ];
    const mean = q[0]! * r[0]! + q[1]! * r[1]!;
    expect([...draws[0]!.contextWeight!]).toHaveLength(3);
    for (const weight of draws[0]!.contextWeight!) expect(weight).toBeCloseTo(1 + (0.15 * r[0]!) / mean, 5);
    expect(draws[1]!.contextWeight![0]).toBeCloseTo(1 + (0.15 * r[1]!) / mean, 5);
    // The mean over training tokens is 1 + alpha.
    const [a, b] = [draws[0]!.contextWeight![0]!, draws[1]!.contextWeight![0]!];
    expect((17 * a + 16 * b) / 33).toBeCloseTo(1.15, 5);
  });
  test('leave short contexts alone, and there are none unless asked for', async () => {
    const [draw] = await drawsOf(corpusOf(windows), formOf({ contextAlpha: 0.15, contextFrom: 16 }));
    expect([...draw!.contextWeight!]).toEqual([1, 1, 1]);
    expect((await drawsOf(corpusOf(windows), formOf({})))[0]!.contextWeight).toBeNull();
  });
});
