import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BLOCK_SIZE } from '../../src/core/limits.ts';
import { blockMask, denseMask, POLICIES, POLICY_NAMES } from '../../src/mask/index.ts';
import { segmentsOf } from '../support/segments.ts';
import { checkWindow, generatedWindow } from './check-window.ts';

const window = (lengths: readonly number[], windowLength: number) => ({
  lengths,
  groups: [...lengths.keys()],
  windowLength,
  diffusionBlock: 4,
});

describe('the block mask, its lists of blocks and its dense form are those of an oracle', () => {
  test.each(POLICY_NAMES)('%s, on 400 generated windows (block-diffusion: 200)', (policy) => {
    let [padded, edges, single, short, grouped] = [0, 0, 0, 0, 0];
    fc.assert(
      fc.property(generatedWindow(policy), (of) => {
        const { lengths, groups, windowLength } = of;
        let end = 0;
        for (const length of lengths) edges += (end += length) % BLOCK_SIZE === 0 ? 1 : 0;
        padded += end < windowLength ? 1 : 0;
        single += lengths.length === 1 ? 1 : 0;
        short += lengths.includes(1) ? 1 : 0;
        grouped += new Set(groups).size < groups.length ? 1 : 0;
        checkWindow(of);
      }),
      { numRuns: policy === 'block-diffusion' ? 200 : 400, seed: 2510 },
    );
    // What the windows were to hold, they held.
    expect(Math.min(padded, edges, single, short, grouped)).toBeGreaterThan(15);
  });

  test.each([
    ['one document', [512], 512],
    ['one token', [1], 128],
    ['a window of one token', [1], 1],
    ['documents that end on block edges', [128, 128, 256], 512],
    ['documents one token off the edges', [127, 129, 256], 512],
    ['512 documents of one token', Array.from({ length: 512 }, () => 1), 512],
    ['nothing but padding', [], 256],
  ])('%s', (_, lengths, length) => {
    for (const policy of POLICY_NAMES)
      if (policy !== 'block-diffusion' || length % BLOCK_SIZE === 0)
        checkWindow({ ...window(lengths, length), policy });
  });
});

describe('spelled out', () => {
  test('two documents of 3 tokens and 2 of padding, in one block', () => {
    const mask = blockMask(segmentsOf([3, 3]), 6, 8, 'adaptive');
    expect([...mask.cuSeqlens]).toEqual([0, 3, 6, 8]);
    expect(mask.maxSeqlen).toBe(3);
    expect([...mask.blockMask]).toEqual([0, 1, 0, 0]);
    expect(mask.allowedPairs).toBe(18);
    expect(blockMask(segmentsOf([3, 3]), 6, 8, 'document-causal').allowedPairs).toBe(12);
  });

  test('documents of one group see each other under hybrid, and under no other policy', () => {
    const segments = segmentsOf([2, 2, 2], [0, 0, 1]);
    expect([...blockMask(segments, 6, 6, 'hybrid').cuSeqlens]).toEqual([0, 4, 6]);
    expect([...blockMask(segments, 6, 6, 'adaptive').cuSeqlens]).toEqual([0, 2, 4, 6]);
    expect([...blockMask(segments, 6, 6, 'eod').cuSeqlens]).toEqual([0, 6]);
  });

  test('block diffusion: 5 tokens in blocks of 2, and their clean copy', () => {
    const dense = denseMask({ policy: 'block-diffusion', cuSeqlens: Int32Array.of(0, 5) }, 2);
    const rows = Array.from({ length: 10 }, (_, i) => [...dense.subarray(i * 10, i * 10 + 10)].join(''));
    expect(rows).toEqual([
      '1100000000',
      '1100000000',
      '0011011000',
      '0011011000',
      '0000111110',
      '0000011000',
      '0000011000',
      '0000011110',
      '0000011110',
      '0000011111',
    ]);
  });

  test('block diffusion: its ranges, a document of 200 tokens and one of 56 in blocks of 128', () => {
    const mask = blockMask(segmentsOf([200, 56]), 256, 256, 'block-diffusion', 128);
    // Noisy rows of noisy keys, of clean keys, clean rows of clean keys; of each any and full.
    expect([...mask.blockMask]).toEqual([0, 1, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 1, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0]);
    expect(mask.blockMask).toBeInstanceOf(Int16Array);
  });
});

describe('what it takes', () => {
  test.each([
    ['adaptive', 16],
    ['document-causal', 16],
    ['block-diffusion', 24],
  ] as const)('%s: %i KiB for a window of 131072 tokens, whatever its documents', (policy, size) => {
    for (const documents of [1, 100, 10_000]) {
      const lengths = Array.from({ length: documents }, () => Math.floor(131072 / documents));
      const tokens = lengths.reduce((a, b) => a + b);
      expect(blockMask(segmentsOf(lengths), tokens, 131072, policy).blockMask.byteLength).toBe(size * 1024);
    }
  });

  test('dense is refused above 8192 rows', () => {
    for (const policy of POLICY_NAMES) {
      const most = POLICIES[policy].attention === 'block-diffusion' ? 4096 : 8192;
      expect(() => denseMask({ policy, cuSeqlens: Int32Array.of(0, most + 1) })).toThrow(/refused above 8192/);
    }
  });
});

test.each([
  ['an empty segment', [3, 0, 3], 6, 8, /segment 1 is empty/],
  ['more documents than tokens', [1, 1, 1], 2, 8, /3 segments in 2 tokens: more documents than tokens/],
  ['tokens that no segment has', [3], 6, 8, /segments end at 3, its tokens at 6/],
  ['more tokens than the window', [9], 9, 8, /9 tokens in a window of 8/],
])('%s: BOUNDARIES_INVALID', (_, lengths, tokens, length, problem) => {
  const made = () => blockMask(segmentsOf(lengths), tokens, length, 'adaptive');
  expect(made).toThrow(problem);
  expect(made).toThrow(expect.objectContaining({ code: 'BOUNDARIES_INVALID', exitCode: 65 }));
});

test('a gap, a group that comes back, a window that cannot be doubled: BOUNDARIES_INVALID', () => {
  const [a, b] = segmentsOf([2, 2], [1, 0]);
  const coded = expect.objectContaining({ code: 'BOUNDARIES_INVALID' });
  expect(() => blockMask([a!, b!], 4, 8, 'hybrid')).toThrow(coded);
  expect(() => blockMask([a!, { ...b!, group: 1, start: 3 }], 4, 8, 'hybrid')).toThrow(coded);
  expect(() => blockMask(segmentsOf([200]), 200, 200, 'block-diffusion')).toThrow(coded);
});
