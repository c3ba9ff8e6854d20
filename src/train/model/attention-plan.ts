import * as tf from '@tensorflow/tfjs-core';

/** Groups computed in one call: [groups x heads] matrices of `length` rows. */
export interface GroupBatch {
  readonly groups: number;
  /** Rows of each: the longest group's; shorter ones are padded. */
  readonly length: number;
  /** [groups x heads x length] int32: the row of [tokens x heads, head width] that each row comes from (0 for padding). */
  readonly rows: tf.Tensor1D;
  /** [groups x heads, 1, length]: 0 for keys, -1e9 for padding; null where there is none. */
  readonly keyBias: tf.Tensor3D | null;
  /** [groups x heads, length, 1]: 1 for queries, 0 for padding; null where there is none. */
  readonly queryIsReal: tf.Tensor3D | null;
}

/** How the attention groups of a slab are computed: never a score outside a group. */
export interface AttentionPlan {
  readonly heads: number;
  /** Groups of more tokens go tile by tile; those are never padded. */
  readonly tile: number;
  readonly batches: readonly GroupBatch[];
  /** [tokens x heads] int32: where each (token, head) row lies in the batches' rows, laid end to end. */
  readonly inverse: tf.Tensor1D;
}

/** Longest group whose scores are formed at once; longer ones go tile by tile (256-1024 is the flat part on wasm). */
export const TILE = 1024;
/** A group joins a batch of longer ones while it fills this much of a row: dispatch is dearer than padding. */
const MIN_FILL = 0.75;
/** Scores of one batch: bounds the memory of a batch of short groups (64 MiB). */
const MAX_SCORES = 16 * 1024 * 1024;

/** `offsets`: [groups + 1] group offsets, from 0 to the number of tokens. The caller disposes with `disposePlan`. */
export function planAttention(offsets: Int32Array, heads: number, tile = TILE): AttentionPlan {
  const tokens = offsets.at(-1) ?? 0;
  const inverse = new Int32Array(tokens * heads);
  const batches: GroupBatch[] = [];
  let base = 0;
  for (const groups of bucketByLength(offsets, heads, tile)) {
    batches.push(layOutBatch(groups, offsets, heads, inverse, base));
    base += groups.length * heads * lengthOf(offsets, groups[0]!);
  }
  return { heads, tile, batches, inverse: tf.tensor1d(inverse, 'int32') };
}

export function disposePlan(plan: AttentionPlan): void {
  for (const { rows, keyBias, queryIsReal } of plan.batches) tf.dispose([rows, keyBias ?? [], queryIsReal ?? []]);
  plan.inverse.dispose();
}

const lengthOf = (offsets: Int32Array, group: number): number => offsets[group + 1]! - offsets[group]!;

/**
 * Group numbers, in batches, longest first in each. Groups of no tokens are left out. A group is padded only to a length
 * of one tile: the tiled path knows no padding, and would take it for keys.
 */
export function bucketByLength(offsets: Int32Array, heads: number, tile = TILE): number[][] {
  const groups = Array.from({ length: offsets.length - 1 }, (_, group) => group).filter(
    (g) => lengthOf(offsets, g) > 0,
  );
  groups.sort((a, b) => lengthOf(offsets, b) - lengthOf(offsets, a) || a - b);
  const buckets: number[][] = [];
  for (const group of groups) {
    const bucket = buckets.at(-1);
    const longest = bucket ? lengthOf(offsets, bucket[0]!) : 0;
    const length = lengthOf(offsets, group);
    const fits =
      bucket &&
      (longest <= tile ? length >= MIN_FILL * longest : length === longest) &&
      (bucket.length + 1) * heads * longest * longest <= MAX_SCORES;
    if (fits) bucket.push(group);
    else buckets.push([group]);
  }
  return buckets;
}

function layOutBatch(
  groups: readonly number[],
  offsets: Int32Array,
  heads: number,
  inverse: Int32Array,
  base: number,
): GroupBatch {
  const length = lengthOf(offsets, groups[0]!);
  const count = groups.length * heads * length;
  const rows = new Int32Array(count);
  const isReal = new Float32Array(count);
  let at = 0;
  for (const group of groups)
    for (let head = 0; head < heads; head++)
      for (let i = 0; i < length; i++, at++) {
        if (i >= lengthOf(offsets, group)) continue;
        const row = (offsets[group]! + i) * heads + head;
        rows[at] = row;
        isReal[at] = 1;
        inverse[row] = base + at;
      }
  const padded = groups.some((group) => lengthOf(offsets, group) < length);
  const matrices = groups.length * heads;
  return {
    groups: groups.length,
    length,
    rows: tf.tensor1d(rows, 'int32'),
    keyBias: padded
      ? tf.tensor3d(
          isReal.map((real) => (real ? 0 : -1e9)),
          [matrices, 1, length],
        )
      : null,
    queryIsReal: padded ? tf.tensor3d(isReal, [matrices, length, 1]) : null,
  };
}
