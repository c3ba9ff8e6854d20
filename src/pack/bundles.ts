import { bestFit } from './best-fit.ts';
import { groupByWindow, type Placed } from './placement.ts';

/** Pieces that are placed as one: those of one group, as many as a window takes. A piece without a group is alone. */
export interface Bundles {
  /** [bundles] */
  readonly lengths: Int32Array;
  /** Pieces of each, ascending; bundles stand in the order of their first pieces. */
  readonly pieces: readonly Int32Array[];
}

/**
 * Bundles the pieces of each group (a key that is not 0n). A group that fits a window is one bundle; of a larger one best-fit
 * makes as few bundles as it can, so that its pieces lie with others of the group rather than one by one among strangers.
 */
export function bundle(lengths: Int32Array, keys: BigInt64Array, windowLength: number): Bundles {
  const members = new Map<bigint, number[]>();
  for (const [piece, key] of keys.entries()) {
    if (key === 0n) continue;
    const known = members.get(key);
    if (known) known.push(piece);
    else members.set(key, [piece]);
  }
  const bundleOf = new Map<number, Int32Array>();
  for (const pieces of members.values())
    for (const some of fitting(Int32Array.from(pieces), lengths, windowLength)) bundleOf.set(some[0]!, some);
  const all: Int32Array[] = [];
  for (const [piece, key] of keys.entries()) {
    const own = key === 0n ? Int32Array.of(piece) : bundleOf.get(piece);
    if (own) all.push(own);
  }
  return { pieces: all, lengths: Int32Array.from(all, (pieces) => sumOf(pieces, lengths)) };
}

const sumOf = (pieces: Int32Array, lengths: Int32Array): number =>
  pieces.reduce((sum, piece) => sum + lengths[piece]!, 0);

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
export function unbundle(placed: Placed, { pieces }: Bundles, keys: BigInt64Array): Placed {
  const starts = new Int32Array(placed.windows + 1);
  const order = new Int32Array(keys.length);
  let at = 0;
  for (let w = 0; w < placed.windows; w++) {
    const all = [...placed.pieces.subarray(placed.starts[w], placed.starts[w + 1])].flatMap((b) => [...pieces[b]!]);
    const first = new Map<bigint, number>();
    const rank = (piece: number): number => first.get(keys[piece]!) ?? piece;
    for (const piece of all.sort((a, b) => a - b)) {
      const key = keys[piece]!;
      if (key !== 0n && !first.has(key)) first.set(key, piece);
    }
    for (const piece of all.sort((a, b) => rank(a) - rank(b) || a - b)) order[at++] = piece;
    starts[w + 1] = at;
  }
  return { ...placed, starts, pieces: order };
}
