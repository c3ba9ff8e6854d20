import * as tf from '@tensorflow/tfjs-core';

import type { AttentionPlan, GroupBatch } from './attention-plan.ts';
import { withGradient } from './gradient.ts';

/**
 * Bidirectional attention inside each group of `plan`: softmax(q k^T / sqrt(head width)) v, head by head. `q`, `k`, `v`
 * and the result: [tokens, heads x head width]. Memory linear in tokens: no scores are kept for the backward pass, which
 * makes them again, for groups of several tiles from the saved log-sum-exp (FlashAttention, arXiv 2205.14135).
 */
export function attention(q: tf.Tensor2D, k: tf.Tensor2D, v: tf.Tensor2D, plan: AttentionPlan): tf.Tensor2D {
  const [tokens, width] = q.shape;
  const headWidth = width / plan.heads;
  const scale = 1 / Math.sqrt(headWidth);

  /** The batch's rows of [tokens, width] -> [groups x heads, length, head width]. */
  const pick = (x: tf.Tensor, batch: GroupBatch): tf.Tensor3D =>
    tf.reshape(tf.gather(tf.reshape(x, [tokens * plan.heads, headWidth]), batch.rows), [
      batch.groups * plan.heads,
      batch.length,
      headWidth,
    ]);
  /** The batches' rows -> [tokens, width]. */
  const putBack = (parts: readonly tf.Tensor3D[]): tf.Tensor2D => {
    const rows = parts.map((part) => tf.reshape(part, [-1, headWidth]));
    return tf.reshape(tf.gather(rows.length === 1 ? rows[0]! : tf.concat(rows, 0), plan.inverse), [tokens, width]);
  };

  return withGradient(
    [q, k, v],
    () => {
      const results = plan.batches.map((batch) =>
        forward(tf.mul(pick(q, batch), scale), pick(k, batch), pick(v, batch), batch, plan.tile),
      );
      const value = putBack(results.map(({ out }) => out));
      return { value, saved: [q, k, v, value, ...results.flatMap(({ lse }) => lse ?? [])] as const };
    },
    (dy, [q, k, v, out, ...lse]) => {
      let tiled = 0;
      const gradients = plan.batches.map((batch) =>
        tf.tidy(() => {
          const picked = pick(dy, batch);
          const dOut: tf.Tensor3D = batch.queryIsReal ? tf.mul(picked, batch.queryIsReal) : picked;
          // d(loss)/d(scores) = p (dp - delta); delta = sum over keys of p dp = sum over the head's width of out dOut.
          const delta: tf.Tensor3D = tf.sum(tf.mul(dOut, pick(out, batch)), -1, true);
          const scaled: tf.Tensor3D = tf.mul(pick(q, batch), scale);
          const rowLse = batch.length > plan.tile ? lse[tiled++]! : null;
          const part = backward(
            { q: scaled, k: pick(k, batch), v: pick(v, batch), dOut, delta },
            rowLse,
            batch,
            plan.tile,
          );
          return { ...part, dq: tf.mul<tf.Tensor3D>(part.dq, scale) };
        }),
      );
      return [
        putBack(gradients.map(({ dq }) => dq)),
        putBack(gradients.map(({ dk }) => dk)),
        putBack(gradients.map(({ dv }) => dv)),
      ];
    },
  );
}

/** [matrices, from..from+size, width] of [matrices, length, width]. */
const rowsOf = (x: tf.Tensor3D, from: number, size: number): tf.Tensor3D =>
  tf.slice(x, [0, from, 0], [x.shape[0], size, x.shape[2]]);

const tilesOf = (length: number, tile: number): { from: number; size: number }[] =>
  Array.from({ length: Math.ceil(length / tile) }, (_, i) => ({
    from: i * tile,
    size: Math.min(tile, length - i * tile),
  }));

/** Scores of queries `q` (scaled) against keys `k`: [matrices, queries, keys]. */
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

/** `lse` [matrices, length, 1] only where there are several tiles. Tiled groups of a batch are equally long: no padding. */
function forward(
  q: tf.Tensor3D,
  k: tf.Tensor3D,
  v: tf.Tensor3D,
  batch: GroupBatch,
  tile: number,
): { out: tf.Tensor3D; lse: tf.Tensor3D | null } {
  if (batch.length <= tile)
    return { out: tf.tidy(() => tf.matMul(tf.softmax(scoresOf(q, k, batch.keyBias)), v)), lse: null };
  const tiles = tilesOf(batch.length, tile);
  const rows = tiles.map((row) => {
    const qTile = rowsOf(q, row.from, row.size);
    let out: tf.Tensor3D | null = null;
    let lse: tf.Tensor3D | null = null;
    for (const column of tiles) {
      const [nextOut, nextLse]: tf.Tensor3D[] = tf.tidy(() => {
        const scores = scoresOf(qTile, rowsOf(k, column.from, column.size), null);
        const p: tf.Tensor3D = tf.softmax(scores);
        const tileOut: tf.Tensor3D = tf.matMul(p, rowsOf(v, column.from, column.size));
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
  });
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

interface Operands {
  /** Scaled. */
  readonly q: tf.Tensor3D;
  readonly k: tf.Tensor3D;
  readonly v: tf.Tensor3D;
  readonly dOut: tf.Tensor3D;
  /** [matrices, length, 1] */
  readonly delta: tf.Tensor3D;
}

/** Gradients to the scaled queries, the keys and the values, tile by tile. */
function backward(
  x: Operands,
  lse: tf.Tensor3D | null,
  batch: GroupBatch,
  tile: number,
): { dq: tf.Tensor3D; dk: tf.Tensor3D; dv: tf.Tensor3D } {
  if (!lse) return backwardTile(x, null, batch.keyBias);
  const tiles = tilesOf(batch.length, tile);
  const dq: tf.Tensor3D[] = [];
  const dk: tf.Tensor3D[] = [];
  const dv: tf.Tensor3D[] = [];
  tiles.forEach((row, i) =>
    tiles.forEach((column, j) => {
      const [q, dOut, delta, rowLse] = [x.q, x.dOut, x.delta, lse].map((t) => rowsOf(t, row.from, row.size));
      const [k, v] = [x.k, x.v].map((t) => rowsOf(t, column.from, column.size));
      const part = backwardTile({ q: q!, k: k!, v: v!, dOut: dOut!, delta: delta! }, rowLse!, null);
      tf.dispose([q!, dOut!, delta!, rowLse!, k!, v!]);
      accumulate(dq, i, part.dq);
      accumulate(dk, j, part.dk);
      accumulate(dv, j, part.dv);
    }),
  );
  return { dq: tf.concat(dq, 1), dk: tf.concat(dk, 1), dv: tf.concat(dv, 1) };
}

function accumulate(sums: tf.Tensor3D[], at: number, part: tf.Tensor3D): void {
  const sum = sums[at];
  sums[at] = sum ? tf.add(sum, part) : part;
  if (sum) tf.dispose([sum, part]);
}

/**
 * One tile. `rowLse`: the whole rows' log-sum-exp, where the tile is not the whole row. dk and dv come out transposed
 * (q^T ds, dOut^T p), so that only the narrow operands are ever transposed, not the scores.
 */
const backwardTile = (x: Operands, rowLse: tf.Tensor3D | null, bias: tf.Tensor3D | null) =>
  tf.tidy(() => {
    const scores = scoresOf(x.q, x.k, bias);
    const tileP: tf.Tensor3D = tf.softmax(scores);
    const p = rowLse ? tf.mul(tileP, tf.exp(tf.sub(logSumExp(scores, tileP), rowLse))) : tileP;
    const ds: tf.Tensor3D = tf.mul(p, tf.sub(tf.matMul(x.dOut, x.v, false, true), x.delta));
    return {
      dq: tf.matMul<tf.Tensor3D>(ds, x.k),
      dk: tf.transpose(tf.matMul<tf.Tensor3D>(x.q, ds, true, false), [0, 2, 1]),
      dv: tf.transpose(tf.matMul<tf.Tensor3D>(x.dOut, p, true, false), [0, 2, 1]),
    };
  });
