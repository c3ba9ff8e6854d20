import * as tf from '@tensorflow/tfjs-core';

import type { AttentionPlan, GroupBatch, Tile } from './attention-plan.ts';
import type { Span } from './attention-rule.ts';
import { fused } from './fused.ts';
import { softmax } from './layers.ts';
import { tidy } from './tidy.ts';

/** What the backward pass needs of a batch: [groups x heads, length, head width] each. */
export interface KeptBatch {
  readonly q: tf.Tensor3D;
  readonly k: tf.Tensor3D;
  readonly v: tf.Tensor3D;
  /** Of groups of one tile, where there is room: [groups x heads, length, length], the softmax of the scores. */
  readonly p: tf.Tensor3D | null;
  /** Log-sum-exp of the rows' scores, [groups x heads, length, 1], where there are several tiles. */
  readonly lse: tf.Tensor3D | null;
}

/**
 * Attention inside each group of `plan`: softmax(q k^T) v, head by head. `qk` [tokens x 2 heads, head width]: a token's queries, scaled
 * by 1 / sqrt(head width), then its keys; `v`: [tokens x heads, head width]; the result: [tokens, width]. Memory linear in tokens: without
 * `keepScores` the backward pass makes them again, for groups of several tiles from the log-sum-exp
 * (FlashAttention, arXiv 2205.14135), and of these it always does.
 */
export function attend(
  qk: tf.Tensor2D,
  v: tf.Tensor2D,
  plan: AttentionPlan,
  keepScores: boolean,
): { value: tf.Tensor2D; kept: KeptBatch[] } {
  const outs: tf.Tensor3D[] = [];
  const kept = plan.batches.map((batch): KeptBatch => {
    const operands = { q: pick(qk, batch.queries), k: pick(qk, batch.keys), v: pick(v, batch.values) };
    const { out, p, lse } = forward(operands, batch);
    outs.push(out);
    if (!keepScores) p?.dispose();
    return { ...operands, p: keepScores ? p : null, lse };
  });
  return { value: tf.reshape(putBack(outs, plan.inverse), [-1, plan.heads * v.shape[1]]), kept };
}

/** Gradients to `qk` and `v` of `attend`, from its result `y` and the gradient of that. */
export function attendBackward(
  dy: tf.Tensor2D,
  y: tf.Tensor2D,
  kept: readonly KeptBatch[],
  plan: AttentionPlan,
): { dqk: tf.Tensor2D; dv: tf.Tensor2D } {
  const headWidth = dy.shape[1] / plan.heads;
  const rows: tf.Tensor2D = tf.reshape(dy, [-1, headWidth]);
  // d(loss)/d(scores) = p (dp - delta); delta = sum over keys of p dp = sum over the head's width of y dy.
  const deltas = rowDots(tf.reshape(y, [-1, headWidth]), rows);
  const gradients = plan.batches.map((batch, i) =>
    tidy(() => {
      const real = (x: tf.Tensor3D): tf.Tensor3D => (batch.queryIsReal ? tf.mul(x, batch.queryIsReal) : x);
      const dOut = real(pick(rows, batch.values));
      const delta = real(pick(deltas, batch.values));
      return backward({ ...kept[i]!, dOut, delta }, batch);
    }),
  );
  const queriesAndKeys = [...gradients.map(({ dq }) => dq), ...gradients.map(({ dk }) => dk)];
  return {
    dqk: putBack(queriesAndKeys, plan.inverseTwice),
    dv: putBack(
      gradients.map(({ dv }) => dv),
      plan.inverse,
    ),
  };
}

/** Each row of `a` times the same of `b`: [rows, 1]. */
export const rowDots = (a: tf.Tensor2D, b: tf.Tensor2D): tf.Tensor2D =>
  fused('UltraprepRowDots', [a, b], (): [tf.Tensor2D] => [tf.sum(tf.mul(a, b), -1, true)])[0];

/** p (dp - delta): of softmax. */
export const scoresGradient = (p: tf.Tensor3D, dp: tf.Tensor3D, delta: tf.Tensor3D): tf.Tensor3D =>
  fused('UltraprepScoresGrad', [p, dp, delta], (): [tf.Tensor3D] => [tf.mul(p, tf.sub(dp, delta))])[0];

/** Rows of [tokens x n, width] -> [groups x heads, length, width]. */
const pick = (x: tf.Tensor2D, rows: tf.Tensor2D): tf.Tensor3D => rowsAt(x, rows) as tf.Tensor3D;

/** The rows of `x` [rows, width] that `which` names, [..] -> [.., width]. */
export const rowsAt = (x: tf.Tensor2D, which: tf.Tensor): tf.Tensor =>
  fused('UltraprepRows', [x, which], (): [tf.Tensor] => [tf.gather<tf.Tensor>(x, which as tf.Tensor1D)])[0];

/** The batches' rows, [groups x heads, length, width] each -> [tokens x n, width]. */
function putBack(parts: readonly tf.Tensor3D[], inverse: tf.Tensor1D): tf.Tensor2D {
  const rows = parts.map((part) => tf.reshape(part, [-1, part.shape[2]]) as tf.Tensor2D);
  return rowsAt(rows.length === 1 ? rows[0]! : tf.concat2d(rows, 0), inverse) as tf.Tensor2D;
}

/** Some rows of [matrices, length, width]; all of them are the tensor itself. */
const rowsOf = (x: tf.Tensor3D, { from, size }: Span): tf.Tensor3D =>
  size === x.shape[1] ? x : tf.slice(x, [0, from, 0], [x.shape[0], size, x.shape[2]]);

/** Scores of queries against keys: [matrices, queries, keys]. */
const scoresOf = (q: tf.Tensor3D, k: tf.Tensor3D, bias: tf.Tensor3D | null): tf.Tensor3D => {
  const scores: tf.Tensor3D = tf.matMul(q, k, false, true);
  return bias ? tf.add(scores, bias) : scores;
};

/**
 * Row-wise log-sum-exp from the scores and their softmax: max(scores) - log(max(softmax)). Spares an exp over the tile,
 * the slowest of wasm's kernels; the largest probability is at least 1 / keys, so nothing is lost.
 */
const logSumExp = (scores: tf.Tensor3D, p: tf.Tensor3D): tf.Tensor3D =>
  tf.sub(tf.max(scores, -1, true), tf.log(tf.max(p, -1, true)));

type Operands = Pick<KeptBatch, 'q' | 'k' | 'v'>;

function forward(
  { q, k, v }: Operands,
  { tiles }: GroupBatch,
): { out: tf.Tensor3D; p: tf.Tensor3D | null; lse: tf.Tensor3D | null } {
  const [first] = tiles[0]!;
  if (tiles.length === 1) {
    const p = tidy(() => softmax(scoresOf(q, k, null), first!.bias));
    return { out: tf.matMul(p, v), p, lse: null };
  }
  const rows = tiles.map((row) => rowsForward(rowsOf(q, row[0]!.rows), k, v, row));
  return {
    p: null,
    out: tf.concat(
      rows.map((r) => r.out),
      1,
    ),
    lse: tf.concat(
      rows.map((r) => r.lse),
      1,
    ),
  };
}

/** Some queries against all keys they see, tile by tile with an online softmax. */
function rowsForward(
  q: tf.Tensor3D,
  k: tf.Tensor3D,
  v: tf.Tensor3D,
  tiles: readonly Tile[],
): { out: tf.Tensor3D; lse: tf.Tensor3D } {
  let out: tf.Tensor3D | null = null;
  let lse: tf.Tensor3D | null = null;
  for (const { columns, bias } of tiles) {
    const [nextOut, nextLse]: tf.Tensor3D[] = tidy(() => {
      const scores = scoresOf(q, rowsOf(k, columns), bias);
      const p = softmax(scores);
      const tileOut: tf.Tensor3D = tf.matMul(p, rowsOf(v, columns));
      const tileLse = logSumExp(scores, p);
      if (!out || !lse) return [tileOut, tileLse];
      const high = tf.maximum(lse, tileLse);
      const sum = tf.add(tf.exp(tf.sub(lse, high)), tf.exp(tf.sub(tileLse, high)));
      const both: tf.Tensor3D = tf.add(high, tf.log(sum));
      const mixed = tf.add(tf.mul(out, tf.exp(tf.sub(lse, both))), tf.mul(tileOut, tf.exp(tf.sub(tileLse, both))));
      return [mixed as tf.Tensor3D, both];
    });
    tf.dispose([out ?? [], lse ?? []]);
    out = nextOut!;
    lse = nextLse!;
  }
  return { out: out!, lse: lse! };
}

interface BackwardOperands extends KeptBatch {
  readonly dOut: tf.Tensor3D;
  /** [matrices, length, 1] */
  readonly delta: tf.Tensor3D;
}

/** Gradients to the scaled queries, the keys and the values, tile by tile. */
function backward(x: BackwardOperands, { tiles }: GroupBatch): { dq: tf.Tensor3D; dk: tf.Tensor3D; dv: tf.Tensor3D } {
  if (!x.lse) return backwardTile(x, tiles[0]![0]!);
  const sums = {
    dq: new Map<number, tf.Tensor3D>(),
    dk: new Map<number, tf.Tensor3D>(),
    dv: new Map<number, tf.Tensor3D>(),
  };
  for (const tile of tiles.flat()) {
    const part = backwardTile(x, tile);
    accumulate(sums.dq, tile.rows.from, part.dq);
    accumulate(sums.dk, tile.columns.from, part.dk);
    accumulate(sums.dv, tile.columns.from, part.dv);
  }
  const joined = (parts: Map<number, tf.Tensor3D>): tf.Tensor3D =>
    tf.concat(
      [...parts].sort(([a], [b]) => a - b).map(([, part]) => part),
      1,
    );
  return { dq: joined(sums.dq), dk: joined(sums.dk), dv: joined(sums.dv) };
}

function accumulate(sums: Map<number, tf.Tensor3D>, at: number, part: tf.Tensor3D): void {
  const sum = sums.get(at);
  sums.set(at, sum ? tf.add(sum, part) : part);
  if (sum) tf.dispose([sum, part]);
}

/** Probabilities of a tile's keys, of all keys that the rows see: by the rows' log-sum-exp, where the tile has not all of them. */
function tilesProbabilities(
  q: tf.Tensor3D,
  k: tf.Tensor3D,
  bias: tf.Tensor3D | null,
  lse: tf.Tensor3D | null,
): tf.Tensor3D {
  if (!lse) return softmax(scoresOf(q, k, null), bias);
  const scores = scoresOf(q, k, bias);
  const p = softmax(scores);
  return tf.mul(p, tf.exp(tf.sub(logSumExp(scores, p), lse)));
}

/**
 * One tile. dk and dv come out transposed (q^T ds, dOut^T p), so that only the narrow operands are ever transposed, not the
 * scores. Every key is seen by its own row, so each has a tile.
 */
const backwardTile = (x: BackwardOperands, { rows, columns, bias }: Tile) =>
  tidy(() => {
    const [q, dOut, delta] = [x.q, x.dOut, x.delta].map((t) => rowsOf(t, rows)) as [
      tf.Tensor3D,
      tf.Tensor3D,
      tf.Tensor3D,
    ];
    const [k, v] = [x.k, x.v].map((t) => rowsOf(t, columns)) as [tf.Tensor3D, tf.Tensor3D];
    const p = x.p ?? tilesProbabilities(q, k, bias, x.lse && rowsOf(x.lse, rows));
    const ds = scoresGradient(p, tf.matMul(dOut, v, false, true), delta);
    return {
      dq: tf.matMul<tf.Tensor3D>(ds, k),
      dk: tf.transpose(tf.matMul<tf.Tensor3D>(q, ds, true, false), [0, 2, 1]),
      dv: tf.transpose(tf.matMul<tf.Tensor3D>(dOut, p, true, false), [0, 2, 1]),
    };
  });
