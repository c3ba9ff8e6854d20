import * as tf from '@tensorflow/tfjs-core';

import { biasOf, BIDIRECTIONAL, HIDDEN, type Rule, type Seen, type Span, tileOf } from './attention-rule.ts';

/** Scores that are formed at once: some queries against some keys of each group of a batch. */
export interface Tile {
  readonly rows: Span;
  readonly columns: Span;
  /** Added to the scores, [1 or matrices, 1 or rows, columns]; null: all keys are seen. */
  readonly bias: tf.Tensor3D | null;
}

/** Groups computed in one call: [groups x heads] matrices of `length` rows. */
export interface GroupBatch {
  readonly groups: number;
  /** Rows of each: the longest group's; shorter ones are padded. */
  readonly length: number;
  /** [groups x heads, length] int32: the row of [tokens x 2 heads, head width], queries then keys, of each query and key (0 for padding). */
  readonly queries: tf.Tensor2D;
  readonly keys: tf.Tensor2D;
  /** The same of [tokens x heads, head width], for values and results. */
  readonly values: tf.Tensor2D;
  /** [groups x heads, length, 1]: 1 for queries, 0 for padding; null where there is none. */
  readonly queryIsReal: tf.Tensor3D | null;
  /** By rows: those of its tiles whose keys any of these rows sees. One tile is the whole matrix. */
  readonly tiles: readonly (readonly Tile[])[];
}

/** How the attention groups of a slab are computed: never a score outside a group. */
export interface AttentionPlan {
  readonly heads: number;
  readonly batches: readonly GroupBatch[];
  /** [tokens x heads] int32: where each (token, head) row lies in the batches' rows, laid end to end. */
  readonly inverse: tf.Tensor1D;
  /** [tokens x 2 heads] int32: the same for queries, and behind all of them keys. */
  readonly inverseTwice: tf.Tensor1D;
}

/**
 * A group joins a batch of longer ones while it fills half a row, and while its padding makes no more scores than this: 65,536 take
 * about as long as the twenty operations that a batch of its own would.
 */
const MIN_FILL = 0.5;
const MAX_PADDING = 65_536;
/** Scores of one batch: bounds the memory of a batch of short groups, and of a tile (64 MiB). */
const MAX_SCORES = 16 * 1024 * 1024;

/**
 * Longest group whose scores are formed at once; longer ones go tile by tile, which costs half as much again for slices, maxima and sums.
 * 2048 up to 4 heads, 512 from 64 on.
 */
export const tileFor = (heads: number): number =>
  Math.max(512, Math.min(2048, 2 ** Math.floor(Math.log2(Math.sqrt(MAX_SCORES / heads)))));

/**
 * `offsets`: [groups + 1] group offsets, from 0 to the number of tokens; `rules`: one a group (none: all bidirectional). The caller
 * disposes with `disposePlan`.
 */
export function planAttention(
  offsets: Int32Array,
  heads: number,
  rules: readonly Rule[] = [],
  tile = tileFor(heads),
): AttentionPlan {
  const tokens = offsets.at(-1) ?? 0;
  const inverse = new Int32Array(tokens * heads);
  const batches: GroupBatch[] = [];
  let rows = 0;
  for (const groups of bucketByLength(offsets, heads, rules, tile)) {
    const rule = ruleOf(rules, groups[0]!);
    batches.push(layOutBatch(groups, offsets, heads, rule, tile, inverse, rows));
    rows += groups.length * heads * lengthOf(offsets, groups[0]!);
  }
  const twice = new Int32Array(2 * inverse.length);
  for (let token = 0; token < tokens; token++)
    for (let head = 0; head < heads; head++) {
      const at = inverse[token * heads + head]!;
      twice[token * 2 * heads + head] = at;
      twice[(token * 2 + 1) * heads + head] = rows + at;
    }
  return { heads, batches, inverse: tf.tensor1d(inverse, 'int32'), inverseTwice: tf.tensor1d(twice, 'int32') };
}

export function disposePlan({ batches, inverse, inverseTwice }: AttentionPlan): void {
  // Tiles share their biases; disposing twice does nothing.
  for (const { queries, keys, values, queryIsReal, tiles } of batches)
    tf.dispose([queries, keys, values, queryIsReal ?? [], ...tiles.flat().map(({ bias }) => bias ?? [])]);
  tf.dispose([inverse, inverseTwice]);
}

const ruleOf = (rules: readonly Rule[], group: number): Rule => rules?.[group] ?? BIDIRECTIONAL;
const lengthOf = (offsets: Int32Array, group: number): number => offsets[group + 1]! - offsets[group]!;
const nameOf = (rule: Rule): string => (rule.kind === 'block-diffusion' ? `${rule.kind} ${rule.block}` : rule.kind);

/**
 * Group numbers, in batches of one rule, longest first in each. Groups of no tokens are left out. A group is padded only to a length of
 * one tile: the tiled path knows no padding, and would take it for keys; and never where a rule looks at its length.
 */
export function bucketByLength(
  offsets: Int32Array,
  heads: number,
  rules: readonly Rule[] = [],
  tile = tileFor(heads),
): number[][] {
  const groups = Array.from({ length: offsets.length - 1 }, (_, group) => group).filter(
    (g) => lengthOf(offsets, g) > 0,
  );
  const name = (group: number): string => nameOf(ruleOf(rules, group));
  groups.sort((a, b) =>
    name(a) < name(b) ? -1 : name(a) > name(b) ? 1 : lengthOf(offsets, b) - lengthOf(offsets, a) || a - b,
  );
  const buckets: number[][] = [];
  for (const group of groups) {
    const bucket = buckets.at(-1);
    const longest = bucket ? lengthOf(offsets, bucket[0]!) : 0;
    const length = lengthOf(offsets, group);
    const padded = longest <= tile && ruleOf(rules, group).kind !== 'block-diffusion';
    const fits =
      bucket &&
      name(bucket[0]!) === name(group) &&
      (padded
        ? length >= MIN_FILL * longest && heads * (longest * longest - length * length) <= MAX_PADDING
        : length === longest) &&
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
  rule: Rule,
  tile: number,
  inverse: Int32Array,
  base: number,
): GroupBatch {
  const length = lengthOf(offsets, groups[0]!);
  const count = groups.length * heads * length;
  const [queries, keys, values] = [new Int32Array(count), new Int32Array(count), new Int32Array(count)];
  const isReal = new Float32Array(count);
  let at = 0;
  for (const group of groups)
    for (let head = 0; head < heads; head++)
      for (let i = 0; i < length; i++, at++) {
        if (i >= lengthOf(offsets, group)) continue;
        const token = offsets[group]! + i;
        queries[at] = token * 2 * heads + head;
        keys[at] = (token * 2 + 1) * heads + head;
        values[at] = token * heads + head;
        isReal[at] = 1;
        inverse[token * heads + head] = base + at;
      }
  const padded = groups.some((group) => lengthOf(offsets, group) < length);
  const matrices = groups.length * heads;
  // A real row of a causal group sees no padding: that lies behind it.
  const hidePadding = padded && rule.kind === 'bidirectional';
  return {
    groups: groups.length,
    length,
    queries: tf.tensor2d(queries, [matrices, length], 'int32'),
    keys: tf.tensor2d(keys, [matrices, length], 'int32'),
    values: tf.tensor2d(values, [matrices, length], 'int32'),
    queryIsReal: padded ? tf.tensor3d(isReal, [matrices, length, 1]) : null,
    tiles: hidePadding
      ? [
          [
            {
              ...whole(length),
              bias: tf.tensor3d(
                isReal.map((real) => (real ? 0 : HIDDEN)),
                [matrices, 1, length],
              ),
            },
          ],
        ]
      : tilesOf(rule, length, tile),
  };
}

const whole = (length: number): { rows: Span; columns: Span } => ({
  rows: { from: 0, size: length },
  columns: { from: 0, size: length },
});

function tilesOf(rule: Rule, length: number, tile: number): Tile[][] {
  const spans = Array.from({ length: Math.ceil(length / tile) }, (_, i): Span => ({
    from: i * tile,
    size: Math.min(tile, length - i * tile),
  }));
  // Most tiles that are seen in part look alike: the diagonal of a long causal group is one picture.
  const biases = new Map<string, tf.Tensor3D>();
  const shared = (seen: Seen, columns: number): tf.Tensor3D => {
    const key = `${columns} ${seen.join(';')}`;
    const known = biases.get(key) ?? tf.tensor3d(biasOf(seen, columns), [1, seen.length, columns]);
    biases.set(key, known);
    return known;
  };
  return spans.map((rows) =>
    spans.flatMap((columns): Tile | [] => {
      const seen = tileOf(rule, length, rows, columns);
      if (seen === 'none') return [];
      return { rows, columns, bias: seen === 'all' ? null : shared(seen, columns.size) };
    }),
  );
}
