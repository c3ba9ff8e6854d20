/**
 * A window at least this full is kept; a tail may make better use of the pieces of others. At 1 - 1/256 what 40 windows of
 * English lost, in splits of 8 MiB, was one window more than packing all at once makes.
 */
const KEEP_FILL = 1 - 1 / 2048;
/** What a lane gives up is at most two windows or an eighth of its tokens: `merge` packs the tails of all splits together. */
const TAIL_WINDOWS = 2;
const TAIL_SHARE = 1 / 8;
/** All lanes together: as much as two of them, or a quarter of a round. Without copies there are no more than two. */
const LANES_WINDOWS = 2 * TAIL_WINDOWS;
const ROUND_SHARE = 1 / 4;

/**
 * Which windows of a lane are given up to its tail: the emptiest first, as long as the tail stays bounded.
 * `fills` is the tokens of each window; returns 1 for those given up.
 */
export function windowsForTail(fills: Int32Array, windowLength: number, laneTokens: number): Int32Array {
  const limit = Math.max(TAIL_WINDOWS * windowLength, Math.floor(laneTokens * TAIL_SHARE));
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

/**
 * Bounds what the lanes give up together, since each costs memory until the next round: the emptiest windows of all stay given
 * up, the others are taken back (`stays` becomes 0). With a lane for each of 16 copies, windows of 1M tokens would leave two
 * rounds' worth.
 */
export function boundTails(
  lanes: readonly { readonly fills: Int32Array; readonly stays: Int32Array }[],
  windowLength: number,
  roundTokens: number,
): void {
  let left = Math.max(LANES_WINDOWS * windowLength, Math.floor(roundTokens * ROUND_SHARE));
  const given = lanes.flatMap(({ fills, stays }) =>
    Array.from(fills.entries())
      .filter(([window]) => stays[window])
      .map(([window, fill]) => ({ stays, window, fill })),
  );
  // Stable: of windows as empty the first lane's go first.
  for (const { stays, window, fill } of given.sort((a, b) => a.fill - b.fill)) {
    left -= fill;
    if (left < 0) stays[window] = 0;
  }
}
