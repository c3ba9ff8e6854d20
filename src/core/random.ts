/**
 * Philox4x32-10 (Salmon et al., SC 2011, "Parallel random numbers: as easy as 1, 2, 3"): a counter in, 128 random bits
 * out, no state. Any draw can be made again from its coordinates alone, in any order, on any machine; the reference
 * implementation's known answers are in test/core/random.test.ts. (numpy's `Philox` is the 4x64 variant: other numbers.)
 */
export type Key = readonly [number, number];

/** What a draw is for: the last counter word, so that no two uses share a stream. docs/format.md lists them. */
export const STREAM = {
  order: 1,
  time: 2,
  window: 3,
  position: 4,
  subset: 5,
  parameters: 6,
  sample: 7,
  copies: 8,
  check: 9,
  shuffle: 10,
  length: 11,
  again: 12,
  anneal: 13,
  likelihood: 14,
  probe: 15,
} as const;

const M0 = 0xd2511f53;
const M1 = 0xcd9e8d57;
const W0 = 0x9e3779b9;
const W1 = 0xbb67ae85;

/** High 32 bits of the 64-bit product of two unsigned 32-bit integers. */
function mulHigh(a: number, b: number): number {
  const aLow = a & 0xffff;
  const aHigh = a >>> 16;
  const bLow = b & 0xffff;
  const bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const cross = aLow * bHigh + (middle & 0xffff);
  return (aHigh * bHigh + Math.floor(middle / 65536) + Math.floor(cross / 65536)) >>> 0;
}

/** Writes the four uint32 of counter (c0..c3) under `key` to `out`. */
export function philox(out: Uint32Array, key: Key, c0: number, c1: number, c2: number, c3: number): void {
  let [k0, k1] = key;
  let x0 = c0 >>> 0;
  let x1 = c1 >>> 0;
  let x2 = c2 >>> 0;
  let x3 = c3 >>> 0;
  for (let round = 0; round < 10; round++) {
    const high0 = mulHigh(M0, x0);
    const high1 = mulHigh(M1, x2);
    const low0 = Math.imul(M0, x0);
    const low1 = Math.imul(M1, x2);
    x0 = (high1 ^ x1 ^ k0) >>> 0;
    x1 = low1 >>> 0;
    x2 = (high0 ^ x3 ^ k1) >>> 0;
    x3 = low0 >>> 0;
    k0 = (k0 + W0) >>> 0;
    k1 = (k1 + W1) >>> 0;
  }
  out[0] = x0;
  out[1] = x1;
  out[2] = x2;
  out[3] = x3;
}

/** The key of a seed, an integer in [0, 2^53). */
export const keyOf = (seed: number): Key => [seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0];

/**
 * A seeded permutation of 0..count-1: argsort of one 64-bit draw for each number, ties by number. Vectorises in numpy
 * (`np.argsort(keys, kind='stable')`), which a Fisher-Yates shuffle does not.
 */
export function permutation(count: number, seed: number, epoch: number): Int32Array {
  const key = keyOf(seed);
  const draw = new Uint32Array(4);
  const high = new Uint32Array(count);
  const low = new Uint32Array(count);
  for (let i = 0; i < count; i++) {
    philox(draw, key, i, 0, epoch, STREAM.order);
    low[i] = draw[0]!;
    high[i] = draw[1]!;
  }
  const order = Int32Array.from({ length: count }, (_, i) => i);
  return order.sort((a, b) => high[a]! - high[b]! || low[a]! - low[b]! || a - b);
}

/** These in the order of training in an epoch: `numbers[permutation(...)[i]]`. */
export const inTrainingOrder = (numbers: Int32Array, seed: number, epoch: number): Int32Array =>
  permutation(numbers.length, seed, epoch).map((i) => numbers[i]!);
