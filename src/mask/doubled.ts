import { BLOCK_SIZE } from '../core/limits.ts';
import { eachBlock, putAny, putFull } from './ranges.ts';

/** Int16 a block of 128 positions: what its noisy rows see of the noisy half, of the clean half, and its clean rows of that. */
export const DOUBLED_RANGES = 12;

/**
 * The mask of block diffusion (BD3-LM, arXiv 2503.09573): rows 0 to T-1 are the noisy window, T to 2T-1 the clean one. Each
 * document is cut into diffusion blocks from its own first token. A noisy row sees the noisy rows of its block and the clean
 * ones of the blocks before it; a clean row sees the clean rows of its block and of those before it.
 *
 * Both intervals of a noisy row stay intervals in blocks of keys: documents that begin inside a block of 128 rows have clean keys
 * only where diffusion blocks are shorter than 128, and the gap before those is shorter than a block of keys. Block numbers
 * are those of a half, at most 8192: int16, 24 KiB a window of 131072 tokens.
 *
 * `offsets` are the documents' and the padding's, `size` the tokens of a diffusion block, T a multiple of 128.
 */
export function doubledRanges(offsets: Int32Array, size: number): Int16Array {
  const ranges = new Int16Array(((offsets.at(-1) ?? 0) / BLOCK_SIZE) * DOUBLED_RANGES);
  eachBlock(offsets, (block, row, rowEnd, first, last) => {
    const at = block * DOUBLED_RANGES;
    const start = offsets[first]!;
    const [from, to] = blockOf(row, start, offsets[first + 1]!, size);
    const [lastFrom, lastTo] = blockOf(rowEnd - 1, offsets[last]!, offsets[last + 1]!, size);
    putAny(ranges, at, from, lastTo);
    if (from === lastFrom) putFull(ranges, at + 2, from, to);
    let [cleanFirst, cleanEnd] = [0, 0];
    for (let g = first; g <= last; g++) {
      const end = offsets[g + 1]!;
      const before = blockOf(Math.min(end, rowEnd) - 1, offsets[g]!, end, size)[0];
      if (before === offsets[g]) continue;
      if (cleanEnd === 0) cleanFirst = offsets[g]!;
      cleanEnd = before;
    }
    putAny(ranges, at + 4, cleanFirst, cleanEnd);
    putAny(ranges, at + 8, start, lastTo);
    if (first !== last) return;
    putFull(ranges, at + 6, start, from);
    putFull(ranges, at + 10, start, to);
  });
  return ranges;
}

/** First token and end of the diffusion block of a token, in the document [start, end). */
export function blockOf(token: number, start: number, end: number, size: number): readonly [number, number] {
  const from = token - ((token - start) % size);
  return [from, Math.min(from + size, end)];
}

/** (query, key) pairs of a document of n tokens, both halves' rows counted. */
export function doubledPairs(tokens: number, size: number): number {
  const whole = Math.floor(tokens / size);
  const rest = tokens - whole * size;
  const noisy = whole * size ** 2 + rest ** 2 + (size ** 2 * whole * (whole - 1)) / 2 + rest * whole * size;
  const clean = (size ** 2 * whole * (whole + 1)) / 2 + rest * tokens;
  return noisy + clean;
}
