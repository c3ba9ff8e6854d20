import * as tf from '@tensorflow/tfjs-core';

import { attend, attendBackward, type KeptBatch } from './attention.ts';
import type { AttentionPlan } from './attention-plan.ts';
import { norm, normBackward, normed, swiglu, swigluBackward } from './layers.ts';
import type { Parameters } from './parameters.ts';
import { rotate, rotateBack, type Rope } from './rope.ts';
import { tidy } from './tidy.ts';

/** What a block is computed with beside its weights. */
export interface BlockContext {
  readonly plan: AttentionPlan;
  readonly rope: Rope;
  readonly eps: number;
}

/** A block's weights, queries and keys side by side: one product less. */
export interface BlockWeights {
  readonly name: string;
  readonly attnNorm: tf.Tensor1D;
  /** [width, 2 x width]: queries, scaled by 1 / sqrt(head width), beside keys. */
  readonly qk: tf.Tensor2D;
  readonly v: tf.Tensor2D;
  readonly attnOut: tf.Tensor2D;
  readonly ffNorm: tf.Tensor1D;
  readonly gate: tf.Tensor2D;
  readonly up: tf.Tensor2D;
  readonly ffOut: tf.Tensor2D;
}

/** What the backward pass needs of the forward one: seven tensors of [tokens, width] and two of [tokens, hidden]. */
export interface KeptBlock {
  readonly x: tf.Tensor2D;
  readonly xInverse: tf.Tensor2D;
  readonly attention: readonly KeptBatch[];
  /** Of the attention, before `attn_out`. */
  readonly attended: tf.Tensor2D;
  readonly middle: tf.Tensor2D;
  readonly middleInverse: tf.Tensor2D;
  readonly gate: tf.Tensor2D;
  readonly up: tf.Tensor2D;
}

/** What of a block's forward pass stays for its backward one: nothing, all but the attention's scores, or these too. */
export type Keep = 'nothing' | 'activations' | 'scores';

export type Gradients = Map<string, tf.Tensor>;

/** The weights of block `n`, fused; `qk` is made anew and is the caller's to dispose. */
export function blockWeights(parameters: Parameters, n: number, headWidth: number): BlockWeights {
  const name = `model.transformer.blocks.${n}`;
  const find = (part: string): tf.Tensor => {
    const tensor = parameters.get(`${name}.${part}.weight`);
    if (!tensor) throw new Error(`the model has no weight ${name}.${part}`);
    return tensor;
  };
  const matrix = (part: string): tf.Tensor2D => find(part) as tf.Tensor2D;
  return {
    name,
    attnNorm: find('attn_norm') as tf.Tensor1D,
    qk: tidy(() => tf.concat2d([tf.mul(matrix('q_proj'), 1 / Math.sqrt(headWidth)), matrix('k_proj')], 1)),
    v: matrix('v_proj'),
    attnOut: matrix('attn_out'),
    ffNorm: find('ff_norm') as tf.Tensor1D,
    gate: matrix('ff_proj'),
    up: matrix('up_proj'),
    ffOut: matrix('ff_out'),
  };
}

/** One transformer block: x + attention(norm(x)), then x + feed-forward(norm(x)). `kept` and the value are the caller's. */
export function blockForward(
  x: tf.Tensor2D,
  w: BlockWeights,
  { plan, rope, eps }: BlockContext,
  keep: Keep,
): { value: tf.Tensor2D; kept: KeptBlock | null } {
  return tidy(() => {
    const { value: a, inverse: xInverse } = norm(x, w.attnNorm, eps);
    const { value: attended, kept: attention } = tidy(() => {
      const [qk, v] = [rowsOf(tf.matMul(a, w.qk), rope), rowsOf(tf.matMul(a, w.v), rope)];
      return attend(rotate(qk, rope), v, plan, keep === 'scores');
    });
    a.dispose();
    if (keep === 'nothing') disposeBatches(attention);
    const middle: tf.Tensor2D = tf.add(x, tf.matMul(attended, w.attnOut));
    const { value: f, inverse: middleInverse } = norm(middle, w.ffNorm, eps);
    const [gate, up] = [w.gate, w.up].map((weight) => tf.matMul<tf.Tensor2D>(f, weight)) as [tf.Tensor2D, tf.Tensor2D];
    f.dispose();
    const value = tidy(() => tf.add<tf.Tensor2D>(middle, tf.matMul(swiglu(gate, up), w.ffOut)));
    return {
      value,
      kept: keep === 'nothing' ? null : { x, xInverse, attention, attended, middle, middleInverse, gate, up },
    };
  });
}

/** Gradients of a block to its input and weights. */
export function blockBackward(
  dy: tf.Tensor2D,
  kept: KeptBlock,
  w: BlockWeights,
  context: BlockContext,
): { dx: tf.Tensor2D; gradients: Gradients } {
  const { dMiddle, ...ofFeedForward } = feedForwardBackward(dy, kept, w);
  const { dx, ...ofAttention } = attentionBackward(dMiddle, kept, w, context);
  dMiddle.dispose();
  const gradients: Gradients = new Map();
  for (const [part, gradient] of Object.entries({ ...ofAttention, ...ofFeedForward }))
    gradients.set(`${w.name}.${part}.weight`, gradient);
  return { dx, gradients };
}

/** [tokens, n x head width] -> [tokens x n, head width]. */
const rowsOf = (x: tf.Tensor2D, { rotation }: Rope): tf.Tensor2D => tf.reshape(x, [-1, rotation.shape[0]]);

/** x^T dy: the gradient of a matrix that x was multiplied by. */
const outer = (x: tf.Tensor2D, dy: tf.Tensor2D): tf.Tensor2D => tf.matMul(x, dy, true, false);
/** dy w^T: the gradient of what was multiplied by w. */
const through = (dy: tf.Tensor2D, w: tf.Tensor2D): tf.Tensor2D => tf.matMul(dy, w, false, true);

const feedForwardBackward = (dy: tf.Tensor2D, { middle, middleInverse, gate, up }: KeptBlock, w: BlockWeights) =>
  tidy(() => {
    const { inner, dGate, dUp } = tidy(() => swigluBackward(through(dy, w.ffOut), gate, up));
    const ff_out = outer(inner, dy);
    inner.dispose();
    const f = normed(middle, middleInverse, w.ffNorm);
    const [ff_proj, up_proj] = [outer(f, dGate), outer(f, dUp)];
    f.dispose();
    const df: tf.Tensor2D = tf.add(through(dGate, w.gate), through(dUp, w.up));
    tf.dispose([dGate, dUp]);
    const { dx, dScale } = normBackward(df, middle, middleInverse, w.ffNorm, dy);
    return { dMiddle: dx, ff_out, ff_proj, up_proj, ff_norm: dScale };
  });

const attentionBackward = (
  dMiddle: tf.Tensor2D,
  { x, xInverse, attention, attended }: KeptBlock,
  w: BlockWeights,
  { plan, rope }: BlockContext,
) =>
  tidy(() => {
    const attn_out = outer(attended, dMiddle);
    const { dqk, dv } = tidy(() => {
      const found = attendBackward(through(dMiddle, w.attnOut), attended, attention, plan);
      const turnedBack: tf.Tensor2D = tf.reshape(rotateBack(found.dqk, rope), [x.shape[0], -1]);
      return { dqk: turnedBack, dv: tf.reshape<tf.Rank.R2>(found.dv, x.shape) };
    });
    const a = normed(x, xInverse, w.attnNorm);
    const [qk, v_proj] = [outer(a, dqk), outer(a, dv)];
    a.dispose();
    const [q, k_proj] = tf.split(qk, 2, 1) as [tf.Tensor2D, tf.Tensor2D];
    const da: tf.Tensor2D = tf.add(through(dqk, w.qk), through(dv, w.v));
    tf.dispose([dqk, dv]);
    const { dx, dScale } = normBackward(da, x, xInverse, w.attnNorm, dMiddle);
    return {
      dx,
      attn_out,
      // The scale of the scores is in the fused weight.
      q_proj: tf.mul<tf.Tensor2D>(q, Math.sqrt(plan.heads / x.shape[1])),
      k_proj,
      v_proj,
      attn_norm: dScale,
    };
  });

const disposeBatches = (batches: readonly KeptBatch[]): void =>
  tf.dispose(batches.flatMap(({ q, k, v, p, lse }) => [q, k, v, p ?? [], lse ?? []]));

/** All but the block's input, which is the output of the one below. */
export function disposeKept({ xInverse, attention, attended, middle, middleInverse, gate, up }: KeptBlock): void {
  disposeBatches(attention);
  tf.dispose([xInverse, attended, middle, middleInverse, gate, up]);
}
