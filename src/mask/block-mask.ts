import { BLOCK_SIZE } from '../core/limits.ts';
import type { BlockMask, Segment } from '../core/window.ts';
import { POLICIES, type Policy } from './policy.ts';

/**
 * The block mask of a window: a pure function of its boundaries.
 *
 * Groups are contiguous, so the keys that the rows of one query block may see form one interval, and the keys that all
 * of its rows may see another: four int32 a block instead of 128 x T bits (16 KiB a window at 128K, 16 GiB dense).
 * Padding is a group of its own, so that no row is without a key.
 */
export function blockMask(
  segments: readonly Segment[],
  numTokens: number,
  windowLength: number,
  policy: Policy,
): BlockMask {
  const cuSeqlens = groupOffsets(segments, numTokens, windowLength, policy);
  let maxSeqlen = 0;
  let allowedPairs = 0;
  for (let g = 0; g + 1 < cuSeqlens.length; g++) {
    const length = cuSeqlens[g + 1]! - cuSeqlens[g]!;
    maxSeqlen = Math.max(maxSeqlen, length);
    if (cuSeqlens[g]! < numTokens) allowedPairs += length * length;
  }
  return { cuSeqlens, maxSeqlen, blockMask: keyRanges(cuSeqlens, windowLength), allowedPairs };
}

/** Offsets of the attention groups, [groups + 1], from 0 to the window length. */
function groupOffsets(
  segments: readonly Segment[],
  numTokens: number,
  windowLength: number,
  policy: Policy,
): Int32Array {
  const offsets = [0];
  if (POLICIES[policy].reach === 'document') {
    let group = segments[0]?.group;
    for (const segment of segments) {
      if (segment.group !== group) offsets.push(segment.start);
      group = segment.group;
    }
  }
  if (numTokens > 0 && numTokens < windowLength) offsets.push(numTokens);
  offsets.push(windowLength);
  return Int32Array.from(offsets);
}

/** [blocks x 4]: any-first, any-end, full-first, full-end, in key blocks; ends are exclusive, an empty range is 0, 0. */
function keyRanges(cuSeqlens: Int32Array, windowLength: number): Int32Array {
  const blocks = Math.ceil(windowLength / BLOCK_SIZE);
  const ranges = new Int32Array(blocks * 4);
  let first = 0;
  for (let block = 0; block < blocks; block++) {
    const row = block * BLOCK_SIZE;
    const rowEnd = Math.min(row + BLOCK_SIZE, windowLength);
    while (cuSeqlens[first + 1]! <= row) first++;
    let last = first;
    while (cuSeqlens[last + 1]! < rowEnd) last++;
    const start = cuSeqlens[first]!;
    ranges[block * 4] = Math.floor(start / BLOCK_SIZE);
    ranges[block * 4 + 1] = Math.ceil(cuSeqlens[last + 1]! / BLOCK_SIZE);
    if (first !== last) continue;
    // One group: the key blocks that lie wholly inside it. A short last block is never full, as in FlexAttention,
    // which pads it with keys that nobody sees.
    const fullFirst = Math.ceil(start / BLOCK_SIZE);
    const fullEnd = Math.floor(cuSeqlens[first + 1]! / BLOCK_SIZE);
    if (fullFirst >= fullEnd) continue;
    ranges[block * 4 + 2] = fullFirst;
    ranges[block * 4 + 3] = fullEnd;
  }
  return ranges;
}
