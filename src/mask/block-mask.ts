import { boundariesInvalid } from '../core/errors.ts';
import { BLOCK_SIZE } from '../core/limits.ts';
import type { BlockMask, Segment } from '../core/window.ts';
import { doubledPairs, doubledRanges } from './doubled.ts';
import { groupOffsets } from './groups.ts';
import { DIFFUSION_BLOCK, POLICIES, type Policy } from './policy.ts';
import { bidirectionalRanges, causalRanges } from './ranges.ts';

/**
 * The block mask of a window: a pure function of its boundaries.
 *
 * Groups are contiguous, so the keys that the rows of one query block may see form one interval, and the keys that all
 * of its rows may see another: four int32 a block instead of 128 x T bits (16 KiB a window at 128K, 16 GiB dense). Block
 * diffusion has three times as many, in int16. `diffusionBlock` (tokens) is looked at under that policy only.
 */
export function blockMask(
  segments: readonly Segment[],
  numTokens: number,
  windowLength: number,
  policy: Policy,
  diffusionBlock: number = DIFFUSION_BLOCK,
): BlockMask {
  const cuSeqlens = groupOffsets(segments, numTokens, windowLength, policy);
  const { attention } = POLICIES[policy];
  let maxSeqlen = 0;
  let allowedPairs = 0;
  for (let g = 0; g + 1 < cuSeqlens.length; g++) {
    const length = cuSeqlens[g + 1]! - cuSeqlens[g]!;
    maxSeqlen = Math.max(maxSeqlen, length);
    if (cuSeqlens[g]! < numTokens) allowedPairs += pairsOf(policy, length, diffusionBlock);
  }
  return { policy, cuSeqlens, maxSeqlen, blockMask: rangesOf(cuSeqlens, attention, diffusionBlock), allowedPairs };
}

/** (query, key) pairs of a group of n tokens that a policy allows. */
export const pairsOf = (policy: Policy, tokens: number, diffusionBlock: number): number =>
  PAIRS[POLICIES[policy].attention](tokens, diffusionBlock);

const PAIRS: Readonly<Record<Attention, (tokens: number, diffusionBlock: number) => number>> = {
  bidirectional: (n) => n * n,
  causal: (n) => (n * (n + 1)) / 2,
  'block-diffusion': doubledPairs,
};

type Attention = (typeof POLICIES)[Policy]['attention'];

function rangesOf(offsets: Int32Array, attention: Attention, diffusionBlock: number): Int32Array | Int16Array {
  if (attention === 'bidirectional') return bidirectionalRanges(offsets);
  if (attention === 'causal') return causalRanges(offsets);
  const length = offsets.at(-1)!;
  if (length % BLOCK_SIZE !== 0)
    throw boundariesInvalid(
      `a window of ${length} tokens cannot be doubled: block-diffusion takes a multiple of ${BLOCK_SIZE}`,
    );
  return doubledRanges(offsets, diffusionBlock);
}
