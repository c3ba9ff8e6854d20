import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLOCK_SIZE } from '../../src/core/limits.ts';
import type { Segment } from '../../src/core/window.ts';
import { blockMask, denseMask, type Policy, POLICY_NAMES } from '../../src/mask/index.ts';

function segmentsOf(lengths: readonly number[]): Segment[] {
  let start = 0;
  return lengths.map((length, i) => {
    const segment = {
      start,
      length,
      split: 0,
      document: i,
      source: '',
      documentOffset: 0,
      part: 0,
      group: i,
      promptTokens: 0,
    };
    start += length;
    return segment;
  });
}

/** The policy by its definition, from the segments alone: may query i see key j? Padding sees padding. */
function oracle(lengths: readonly number[], windowLength: number, policy: Policy): Uint8Array {
  const owner = new Int32Array(windowLength).fill(-1);
  segmentsOf(lengths).forEach(({ start, length }, i) =>
    owner.fill(policy === 'adaptive' ? i : 0, start, start + length),
  );
  const dense = new Uint8Array(windowLength ** 2);
  for (let i = 0; i < windowLength; i++)
    for (let j = 0; j < windowLength; j++) dense[i * windowLength + j] = owner[i] === owner[j] ? 1 : 0;
  return dense;
}

/** What the stored ranges must say, block by block, read off the dense mask; keys past the window are seen by nobody. */
function rangesOf(dense: Uint8Array, length: number): { any: boolean[]; full: boolean[] }[] {
  const blocks = Math.ceil(length / BLOCK_SIZE);
  return Array.from({ length: blocks }, (_, q) => {
    const any: boolean[] = [];
    const full: boolean[] = [];
    for (let k = 0; k < blocks; k++) {
      let [some, every] = [false, true];
      for (let i = q * BLOCK_SIZE; i < Math.min((q + 1) * BLOCK_SIZE, length); i++)
        for (let j = k * BLOCK_SIZE; j < (k + 1) * BLOCK_SIZE; j++) {
          const seen = j < length && dense[i * length + j] === 1;
          some ||= seen;
          every &&= seen;
        }
      any.push(some);
      full.push(every);
    }
    return { any, full };
  });
}

const inRange = (first: number, end: number, blocks: number): boolean[] =>
  Array.from({ length: blocks }, (_, k) => k >= first && k < end);

function check(lengths: readonly number[], windowLength: number, policy: Policy): void {
  const tokens = lengths.reduce((a, b) => a + b, 0);
  const mask = blockMask(segmentsOf(lengths), tokens, windowLength, policy);
  const dense = oracle(lengths, windowLength, policy);
  // Buffer.compare: vitest's toEqual takes seconds for a million elements.
  expect(Buffer.compare(denseMask(mask.cuSeqlens), dense)).toBe(0);
  const blocks = Math.ceil(windowLength / BLOCK_SIZE);
  rangesOf(dense, windowLength).forEach(({ any, full }, q) => {
    const [anyFirst, anyEnd, fullFirst, fullEnd] = mask.blockMask.subarray(q * 4, q * 4 + 4);
    expect(inRange(anyFirst!, anyEnd!, blocks)).toEqual(any);
    expect(inRange(fullFirst!, fullEnd!, blocks)).toEqual(full);
  });
  const pairs = policy === 'adaptive' ? lengths.reduce((sum, n) => sum + n * n, 0) : tokens ** 2;
  expect(mask.allowedPairs).toBe(pairs);
}

const window = fc.record({
  lengths: fc.array(fc.oneof(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 300 }), fc.constant(128)), {
    minLength: 1,
    maxLength: 8,
  }),
  padding: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 300 })),
  policy: fc.constantFrom(...POLICY_NAMES),
});

describe('the block mask', () => {
  test('is that of a dense oracle on 300 generated windows', () => {
    let padded = 0;
    let partial = 0;
    fc.assert(
      fc.property(window, ({ lengths, padding, policy }) => {
        const length = lengths.reduce((a, b) => a + b, 0) + padding;
        padded += padding > 0 ? 1 : 0;
        partial += length % BLOCK_SIZE === 0 ? 0 : 1;
        check(lengths, length, policy);
      }),
      { numRuns: 300, seed: 2510 },
    );
    expect(padded).toBeGreaterThan(50);
    expect(partial).toBeGreaterThan(50);
  });

  test.each([
    ['one document', [512], 512],
    ['one token', [1], 128],
    ['documents that end on block edges', [128, 128, 256], 512],
    ['documents one token off the edges', [127, 129, 256], 512],
    ['512 documents of one token', Array.from({ length: 512 }, () => 1), 512],
  ])('%s', (_, lengths, length) => {
    for (const policy of POLICY_NAMES) check(lengths, length, policy);
  });

  test('spelled out: two documents of 3 tokens and 2 of padding, in one block', () => {
    const mask = blockMask(segmentsOf([3, 3]), 6, 8, 'adaptive');
    expect([...mask.cuSeqlens]).toEqual([0, 3, 6, 8]);
    expect(mask.maxSeqlen).toBe(3);
    expect([...mask.blockMask]).toEqual([0, 1, 0, 0]);
    expect(mask.allowedPairs).toBe(18);
  });

  test('segments of one group see each other', () => {
    const [a, b, c] = segmentsOf([2, 2, 2]);
    const mask = blockMask([a!, { ...b!, group: 0 }, c!], 6, 6, 'adaptive');
    expect([...mask.cuSeqlens]).toEqual([0, 4, 6]);
  });

  test('takes 16 KiB for a window of 131072 tokens, whatever its documents', () => {
    for (const documents of [1, 100, 10_000]) {
      const lengths = Array.from({ length: documents }, () => Math.floor(131072 / documents));
      const mask = blockMask(
        segmentsOf(lengths),
        lengths.reduce((a, b) => a + b),
        131072,
        'adaptive',
      );
      expect(mask.blockMask.byteLength).toBe(16 * 1024);
    }
  });

  test('dense is refused above 8192', () => {
    expect(() => denseMask(Int32Array.of(0, 8193))).toThrow(/8192/);
  });
});
