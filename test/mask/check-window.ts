import fc from 'fast-check';
import { expect } from 'vitest';
import { BLOCK_SIZE } from '../../src/core/limits.ts';
import { blockMask, denseMask, flexBlocks, POLICIES, type Policy } from '../../src/mask/index.ts';
import { segmentsOf } from '../support/segments.ts';
import { denseOracle, type OracleWindow, rowsOf } from './oracle.ts';

const length = fc.oneof(
  { weight: 2, arbitrary: fc.integer({ min: 1, max: 3 }) },
  { weight: 3, arbitrary: fc.integer({ min: 1, max: 160 }) },
  { weight: 2, arbitrary: fc.constantFrom(127, 128, 129) },
);

/** Windows of 1 to 6 documents: of one token, to a block's edge, one off it, alone, grouped, padded or not. */
export const generatedWindow = (policy: Policy): fc.Arbitrary<OracleWindow> =>
  fc
    .record({
      lengths: fc.array(length, { minLength: 1, maxLength: 6 }),
      together: fc.array(fc.boolean(), { minLength: 6, maxLength: 6 }),
      padding: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 150 })),
      diffusionBlock: fc.oneof(fc.constantFrom(1, 4, 32, 127, 128, 129), fc.integer({ min: 1, max: 300 })),
    })
    .map(({ lengths, together, padding, diffusionBlock }) => {
      let group = 0;
      const groups = lengths.map((_, i) => (group += i > 0 && !together[i] ? 1 : 0));
      const tokens = lengths.reduce((sum, n) => sum + n, 0) + padding;
      // Only windows of whole blocks are doubled.
      const windowLength = policy === 'block-diffusion' ? Math.ceil(tokens / BLOCK_SIZE) * BLOCK_SIZE : tokens;
      return { lengths, groups, windowLength, policy, diffusionBlock };
    });

/** Of each pair of blocks: whether any row of the one sees any key of the other, and whether all see all of 128 keys. */
function blocksOf(dense: Uint8Array, rows: number): { any: Uint8Array; full: Uint8Array; blocks: number } {
  const blocks = Math.ceil(rows / BLOCK_SIZE);
  const counts = new Int32Array(blocks * blocks);
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < rows; j++)
      counts[Math.floor(i / BLOCK_SIZE) * blocks + Math.floor(j / BLOCK_SIZE)]! += dense[i * rows + j]!;
  const height = (block: number): number =>
    Math.min(BLOCK_SIZE, rows - Math.floor(block / blocks) * BLOCK_SIZE) * BLOCK_SIZE;
  return {
    blocks,
    any: Uint8Array.from(counts, (n) => (n > 0 ? 1 : 0)),
    full: Uint8Array.from(counts, (n, block) => (n === height(block) ? 1 : 0)),
  };
}

/** [blocks x blocks] 1 where a list has the block; lists must ascend. */
function listed({ num, indices }: { num: Int32Array; indices: Int32Array }, transposed: boolean): Uint8Array {
  const blocks = num.length;
  const found = new Uint8Array(blocks * blocks);
  for (let row = 0; row < blocks; row++)
    for (let i = 0; i < num[row]!; i++) {
      const column = indices[row * blocks + i]!;
      if (i > 0) expect(column).toBeGreaterThan(indices[row * blocks + i - 1]!);
      found[transposed ? column * blocks + row : row * blocks + column] = 1;
    }
  return found;
}

// Buffer.compare: vitest's toEqual takes seconds for a million elements.
const same = (a: Uint8Array, b: Uint8Array): void => expect(Buffer.compare(a, b)).toBe(0);

/** Holds the stored mask of a window, and all it expands to, against the oracle. */
export function checkWindow(window: OracleWindow): void {
  const { lengths, groups, windowLength, policy, diffusionBlock } = window;
  const tokens = lengths.reduce((a, b) => a + b, 0);
  const mask = blockMask(segmentsOf(lengths, groups), tokens, windowLength, policy, diffusionBlock);
  const rows = rowsOf(window);
  const dense = denseOracle(window);
  same(denseMask(mask, diffusionBlock), dense);

  let pairs = 0;
  let [blind, lopsided] = [0, 0];
  for (let i = 0; i < rows; i++) {
    let seen = 0;
    for (let j = 0; j < rows; j++) {
      seen += dense[i * rows + j]!;
      lopsided += dense[i * rows + j] === dense[j * rows + i] ? 0 : 1;
    }
    blind += seen === 0 ? 1 : 0;
    if (i % windowLength < tokens) pairs += seen;
  }
  expect(blind, 'rows without a key').toBe(0);
  if (POLICIES[policy].attention === 'bidirectional') expect(lopsided, 'pairs seen one way').toBe(0);
  expect(mask.allowedPairs).toBe(pairs);

  const { any, full, blocks } = blocksOf(dense, rows);
  const flex = flexBlocks(mask);
  expect(flex.blocks).toBe(blocks);
  for (const [partialLists, fullLists, transposed] of [
    [flex.kv, flex.fullKv, false],
    [flex.q, flex.fullQ, true],
  ] as const) {
    const [partial, whole] = [listed(partialLists, transposed), listed(fullLists, transposed)];
    same(whole, full);
    same(
      partial.map((bit, i) => bit | whole[i]!),
      any,
    );
    expect(partial.some((bit, i) => bit & whole[i]!)).toBe(false);
  }
}
