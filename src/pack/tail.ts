/** A window at least this full is kept; a tail may make better use of the pieces of others. */
const KEEP_FILL = 1 - 1 / 256;
/** A split's tail holds at most two windows or a sixteenth of its tokens: `merge` packs all tails together. */
const TAIL_WINDOWS = 2;
const TAIL_SHARE = 1 / 16;

/**
 * Which windows of a split are given up to its tail: the emptiest first, as long as the tail stays bounded.
 * `fills` is the tokens of each window; returns 1 for those given up.
 */
export function windowsForTail(fills: Int32Array, windowLength: number, splitTokens: number): Int32Array {
  const limit = Math.max(TAIL_WINDOWS * windowLength, Math.floor(splitTokens * TAIL_SHARE));
  const given = new Int32Array(fills.length);
  const emptiestFirst = Int32Array.from(fills.keys()).sort((a, b) => fills[a]! - fills[b]! || a - b);
  let tail = 0;
  for (const window of emptiestFirst) {
    const fill = fills[window]!;
    if (fill >= windowLength * KEEP_FILL || tail + fill > limit) break;
    given[window] = 1;
    tail += fill;
  }
  return given;
}
