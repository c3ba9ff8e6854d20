import { BLOCK_SIZE } from '../core/limits.ts';

/** Int32 a query block: any-first, any-end, full-first, full-end, in key blocks; ends are exclusive, an empty range is 0, 0. */
export const RANGES = 4;

/** Writes the key blocks that tokens [first, end) lie in. */
export function putAny(ranges: Int32Array | Int16Array, at: number, first: number, end: number): void {
  if (first >= end) return;
  ranges[at] = Math.floor(first / BLOCK_SIZE);
  ranges[at + 1] = Math.ceil(end / BLOCK_SIZE);
}

/**
 * Writes the key blocks that lie wholly in tokens [first, end). A short last block is never one, as in FlexAttention, which
 * pads it with keys that nobody sees.
 */
export function putFull(ranges: Int32Array | Int16Array, at: number, first: number, end: number): void {
  const [from, to] = [Math.ceil(first / BLOCK_SIZE), Math.floor(end / BLOCK_SIZE)];
  if (from >= to) return;
  ranges[at] = from;
  ranges[at + 1] = to;
}

/** Walks the blocks of 128 rows of [0, last offset): `each` hears of the rows and of the groups of the first and the last. */
export function eachBlock(
  offsets: Int32Array,
  each: (block: number, row: number, rowEnd: number, first: number, last: number) => void,
): void {
  const length = offsets.at(-1) ?? 0;
  let first = 0;
  for (let block = 0, row = 0; row < length; block++, row += BLOCK_SIZE) {
    const rowEnd = Math.min(row + BLOCK_SIZE, length);
    while (offsets[first + 1]! <= row) first++;
    let last = first;
    while (offsets[last + 1]! < rowEnd) last++;
    each(block, row, rowEnd, first, last);
  }
}

/** [blocks x 4] of groups whose members all see each other. */
export function bidirectionalRanges(offsets: Int32Array): Int32Array {
  const ranges = rangesFor(offsets);
  eachBlock(offsets, (block, _row, _rowEnd, first, last) => {
    const start = offsets[first]!;
    const end = offsets[last + 1]!;
    putAny(ranges, block * RANGES, start, end);
    // With two groups in it, no key is seen by all rows.
    if (first === last) putFull(ranges, block * RANGES + 2, start, end);
  });
  return ranges;
}

/** [blocks x 4] of groups whose members see those before them, and themselves. */
export function causalRanges(offsets: Int32Array): Int32Array {
  const ranges = rangesFor(offsets);
  eachBlock(offsets, (block, row, rowEnd, first, last) => {
    putAny(ranges, block * RANGES, offsets[first]!, rowEnd);
    // All rows see what the first one does, of the last one's group.
    putFull(ranges, block * RANGES + 2, offsets[last]!, row + 1);
  });
  return ranges;
}

const rangesFor = (offsets: Int32Array): Int32Array =>
  new Int32Array(Math.ceil((offsets.at(-1) ?? 0) / BLOCK_SIZE) * RANGES);
