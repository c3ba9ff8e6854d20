import * as tf from '@tensorflow/tfjs-core';

import type { AttentionPlan, GroupBatch, Tile } from './attention-plan.ts';
import type { Span } from './attention-rule.ts';
import { tidy } from './tidy.ts';

/** What the backward pass needs of a batch: [groups x heads, length, head width] each. */
export interface KeptBatch {
  readonly q: tf.Tensor3D;
  readonly k: tf.Tensor3D;
  readonly v: tf.Tensor3D;
  /** Log-sum-exp of the rows' scores, [groups x heads, length, 1], where there are several tiles. */
  readonly lse: tf.Tensor3D | null;
}

/**
 * Attention inside each group of `plan`: softmax(q k^T) v, head by head. `qk` [tokens, 2 x width]: queries, scaled by 1 / sqrt(head
 * width), beside keys; `v` and the result: [tokens, width]. Memory linear in tokens: no scores are kept for the backward
 * pass, which makes them again, for groups of several tiles from the log-sum-exp (FlashAttention, arXiv 2205.14135).
 */
export function attend(
  qk: tf.Tensor2D,
  v: tf.Tensor2D,
  plan: AttentionPlan,
): { value: tf.Tensor2D; kept: KeptBatch[] } {
  const outs: tf.Tensor3D[] = [];
  const headWidth = v.shape[1] / plan.heads;
  const kept = plan.batches.map((batch): KeptBatch => {
    const [q, k] = [pick(qk, batch.queries, batch, headWidth), pick(qk, batch.keys, batch, headWidth)];
    const operands = { q, k, v: pick(v, batch.values, batch, headWidth) };
    const { out, lse } = forward(operands, batch);
    outs.push(out);
    return { ...operands, lse };
  });
  return { value: putBack(outs, plan.inverse, v.shape[1]), kept };
}

/** Gradients to `qk` and `v` of `attend`, from its result `y` and the gradient of that. */
export function attendBackward(
  dy: tf.Tensor2D,
  y: tf.Tensor2D,
  kept: readonly KeptBatch[],
  plan: AttentionPlan,
): { dqk: tf.Tensor2D; dv: tf.Tensor2D } {
  const width = dy.shape[1];
  const headWidth = width / plan.heads;
  // d(loss)/d(scores) = p (dp - delta); delta = sum over keys of p dp = sum over the head's width of y dy.
  const deltas = tidy(() => tf.sum(tf.reshape(tf.mul(y, dy), [-1, headWidth]), -1, true)) as tf.Tensor2D;
  const gradients = plan.batches.map((batch, i) =>
    tidy(() => {
      const real = (x: tf.Tensor3D): tf.Tensor3D => (batch.queryIsReal ? tf.mul(x, batch.queryIsReal) : x);
      const dOut = real(pick(dy, batch.values, batch, headWidth));
      const delta = real(pick(deltas, batch.values, batch, 1));
      return backward({ ...kept[i]!, dOut, delta }, batch);
    }),
  );
  const queriesAndKeys = [...gradients.map(({ dq }) => dq), ...gradients.map(({ dk }) => dk)];
  return {
    dqk: putBack(queriesAndKeys, plan.inverseTwice, 2 * width),
    dv: putBack(
      gradients.map(({ dv }) => dv),
      plan.inverse,
      width,
    ),
  };
}

/** Rows of [tokens, n x head width] -> [groups x heads, length, head width]. */
function pick(x: tf.Tensor2D, rows: tf.Tensor1D, { length }: GroupBatch, headWidth: number): tf.Tensor3D {
  const picked = tf.gather(tf.reshape(x, [-1, headWidth]), rows);
  return tf.reshape(picked, [-1, length, headWidth]);
}

/** The batches' rows -> [tokens, width]. */
function putBack(parts: readonly tf.Tensor3D[], inverse: tf.Tensor1D, width: number): tf.Tensor2D {
  const rows = parts.map((part) => tf.reshape(part, [-1, part.shape[2]]));
  return tf.reshape(tf.gather(rows.length === 1 ? rows[0]! : tf.concat(rows, 0), inverse), [-1, width]);
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

function forward({ q, k, v }: Operands, { tiles }: GroupBatch): { out: tf.Tensor3D; lse: tf.Tensor3D | null } {
  const [first] = tiles[0]!;
  if (tiles.length === 1) return { out: tidy(() => tf.matMul(tf.softmax(scoresOf(q, k, first!.bias)), v)), lse: null };
  const rows = tiles.map((row) => rowsForward(rowsOf(q, row[0]!.rows), k, v, row));
  return {
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
      const p: tf.Tensor3D = tf.softmax(scores);
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

interface BackwardOperands extends Operands {
  readonly lse: tf.Tensor3D | null;
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
    const scores = scoresOf(q, k, bias);
    const tileP: tf.Tensor3D = tf.softmax(scores);
    // Of the whole row, where the tile is not.
    const p = x.lse ? tf.mul(tileP, tf.exp(tf.sub(logSumExp(scores, tileP), rowsOf(x.lse, rows)))) : tileP;
    const ds: tf.Tensor3D = tf.mul(p, tf.sub(tf.matMul(dOut, v, false, true), delta));
    return {
      dq: tf.matMul<tf.Tensor3D>(ds, k),
      dk: tf.transpose(tf.matMul<tf.Tensor3D>(q, ds, true, false), [0, 2, 1]),
      dv: tf.transpose(tf.matMul<tf.Tensor3D>(dOut, p, true, false), [0, 2, 1]),
    };
  });
