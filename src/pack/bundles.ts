import { bestFit } from './best-fit.ts';
import { groupByWindow, type Placed } from './placement.ts';

/** Pieces that are placed as one: those of one group, as many as a window takes. A piece without a group is alone. */
export interface Bundles {
  /** [bundles] */
  readonly lengths: Int32Array;
  /** Pieces of bundle b, ascending: `pieces[starts[b]]` to `pieces[starts[b + 1] - 1]`. Bundles stand in the order of their first pieces. */
  readonly starts: Int32Array;
  readonly pieces: Int32Array;
  /** [pieces] a number for each group; a piece without one has its own. */
  readonly groupOf: Int32Array;
}

/**
 * Bundles the pieces of each group (a key that is not 0n). A group that fits a window is one bundle; of a larger one best-fit
 * makes as few bundles as it can, so that its pieces lie with others of the group rather than one by one among strangers.
 */
export function bundle(lengths: Int32Array, keys: BigInt64Array, windowLength: number): Bundles {
  const { groupOf, groups } = numbered(keys);
  const members = groupByWindow({ windows: groups, windowOf: groupOf });
  const bundles: Int32Array[] = [];
  for (let group = 0; group < groups; group++) {
    const pieces = members.pieces.subarray(members.starts[group], members.starts[group + 1]);
    for (const some of fitting(pieces, lengths, windowLength)) bundles.push(some);
  }
  bundles.sort((a, b) => a[0]! - b[0]!);
  const starts = new Int32Array(bundles.length + 1);
  const pieces = new Int32Array(lengths.length);
  for (const [b, some] of bundles.entries()) {
    pieces.set(some, starts[b]);
    starts[b + 1] = starts[b]! + some.length;
  }
  return { lengths: Int32Array.from(bundles, (some) => sumOf(some, lengths)), starts, pieces, groupOf };
}

/** Numbers in place of keys, which are slow to look up: one for each key, in order, and one for each piece without. */
function numbered(keys: BigInt64Array): { groupOf: Int32Array; groups: number } {
  const known = new Map<bigint, number>();
  const groupOf = new Int32Array(keys.length);
  let groups = 0;
  for (let piece = 0; piece < keys.length; piece++) {
    const key = keys[piece]!;
    const before = key === 0n ? undefined : known.get(key);
    groupOf[piece] = before ?? groups;
    if (before !== undefined) continue;
    if (key !== 0n) known.set(key, groups);
    groups++;
  }
  return { groupOf, groups };
}

function sumOf(pieces: Int32Array, lengths: Int32Array): number {
  let sum = 0;
  for (const piece of pieces) sum += lengths[piece]!;
  return sum;
}

function fitting(pieces: Int32Array, lengths: Int32Array, windowLength: number): readonly Int32Array[] {
  if (sumOf(pieces, lengths) <= windowLength) return [pieces];
  const placement = bestFit(
    pieces.map((piece) => lengths[piece]!),
    windowLength,
  );
  const { starts, pieces: order } = groupByWindow(placement);
  return Array.from({ length: placement.windows }, (_, w) =>
    order.subarray(starts[w], starts[w + 1]).map((i) => pieces[i]!),
  );
}

/** The windows of placed bundles as windows of pieces: those of a group side by side, in the order of each group's first. */
export function unbundle(placed: Placed, { starts: from, pieces, groupOf }: Bundles): Placed {
  const starts = new Int32Array(placed.windows + 1);
  const order = new Int32Array(pieces.length);
  /** By group: where its first piece stands in the window at hand, and in which window that was noted. */
  const [first, notedIn] = [new Int32Array(groupOf.length), new Int32Array(groupOf.length).fill(-1)];
  for (let w = 0; w < placed.windows; w++) {
    let end = starts[w]!;
    for (const b of placed.pieces.subarray(placed.starts[w], placed.starts[w + 1])) {
      order.set(pieces.subarray(from[b], from[b + 1]), end);
      end += from[b + 1]! - from[b]!;
    }
    starts[w + 1] = end;
    const here = order.subarray(starts[w], end).sort();
    const places = Float64Array.from(here, (piece, place) => {
      const group = groupOf[piece]!;
      if (notedIn[group] !== w) [first[group], notedIn[group]] = [place, w];
      return first[group]! * here.length + place;
    }).sort();
    const ascending = here.slice();
    for (const [i, place] of places.entries()) here[i] = ascending[place % here.length]!;
  }
  return { ...placed, starts, pieces: order };
}
