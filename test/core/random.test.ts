import { describe, expect, test } from 'vitest';
import { keyOf, permutation, philox } from '../../src/core/random.ts';

/** Known answers of the reference implementation (Random123, kat_vectors: philox4x32 10). */
const KNOWN = [
  { counter: [0, 0, 0, 0], key: [0, 0], out: [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8] },
  {
    counter: [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    key: [0xffffffff, 0xffffffff],
    out: [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  },
  {
    counter: [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    key: [0xa4093822, 0x299f31d0],
    out: [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  },
] as const;

describe('Philox4x32-10', () => {
  test.each(KNOWN)('gives the published answer for counter $counter', ({ counter, key, out }) => {
    const draw = new Uint32Array(4);
    const [c0, c1, c2, c3] = counter;
    philox(draw, key, c0, c1, c2, c3);
    expect([...draw]).toEqual(out);
  });

  test('takes a seed of up to 53 bits', () => {
    expect(keyOf(2 ** 32 + 5)).toEqual([5, 1]);
    expect(keyOf(2 ** 53 - 1)).toEqual([0xffffffff, 0x1fffff]);
  });
});

describe('a permutation', () => {
  test('holds every number once', () => {
    const order = permutation(1000, 7, 0);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, i) => i));
  });

  test('differs by seed and by epoch, and is the same again', () => {
    const orders = [permutation(50, 7, 0), permutation(50, 7, 1), permutation(50, 8, 0)].map(String);
    expect(new Set(orders).size).toBe(3);
    expect(String(permutation(50, 7, 0))).toBe(orders[0]);
  });

  test('puts every number into every place equally often (chi-square, 5 numbers, 20,000 epochs)', () => {
    const [count, epochs] = [5, 20_000];
    const seen = new Float64Array(count * count);
    for (let epoch = 0; epoch < epochs; epoch++)
      permutation(count, 3, epoch).forEach((value, place) => seen[place * count + value]!++);
    const expected = epochs / count;
    const chi = seen.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);
    // 16 degrees of freedom: above 45.9 one time in 10,000.
    expect(chi).toBeLessThan(45.9);
  });
});
