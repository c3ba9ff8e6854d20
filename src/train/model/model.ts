import * as tf from '@tensorflow/tfjs-core';

import { attention } from './attention.ts';
import { disposePlan, planAttention, type AttentionPlan } from './attention-plan.ts';
import { embed, linear, residual, rmsNorm, swiglu } from './layers.ts';
import type { Parameters } from './parameters.ts';
import type { ModelConfig } from './presets.ts';
import { ropeTables, rotate, type Rope } from './rope.ts';

/** Tokens laid end to end with the offsets of their attention groups: what the model takes. */
export interface TokenRow {
  /** [tokens] */
  readonly ids: Int32Array;
  /** [tokens]: place of each in its window. */
  readonly positions: Int32Array;
  /** [groups + 1], from 0 to tokens: tokens of one group see each other, both ways, and no others. */
  readonly groupOffsets: Int32Array;
}

/** A token row on the backend, with all that depends on its shape alone. */
export interface Placed {
  readonly ids: tf.Tensor1D;
  readonly plan: AttentionPlan;
  readonly rope: Rope;
}

export function place(row: TokenRow, config: ModelConfig): Placed {
  return {
    ids: tf.tensor1d(row.ids, 'int32'),
    plan: planAttention(row.groupOffsets, config.heads),
    rope: ropeTables(row.positions, config.dModel / config.heads, config.ropeTheta),
  };
}

export function disposePlaced({ ids, plan, rope }: Placed): void {
  tf.dispose([ids, rope.cos, rope.sin, rope.rotation]);
  disposePlan(plan);
}

/** The weight that turns hidden rows into logits, [vocabulary, width]. */
export const HEAD = 'model.transformer.ff_out.weight';

/** Tokens -> hidden rows after the last norm, [tokens, width]; logits are hidden . head^T (loss.ts). */
export function hiddenRows(row: Placed, parameters: Parameters, config: ModelConfig): tf.Tensor2D {
  const weights = weightsOf(parameters, 'model.transformer');
  let x = embed(weights.matrix('wte'), row.ids);
  for (let n = 0; n < config.layers; n++) {
    x = layer(x, weightsOf(parameters, `model.transformer.blocks.${n}`), row, config);
  }
  return rmsNorm(x, weights.vector('ln_f'), config.rmsNormEps);
}

interface Weights {
  matrix(name: string): tf.Tensor2D;
  vector(name: string): tf.Tensor1D;
}

/** The weights `root`.NAME.weight. */
function weightsOf(parameters: Parameters, root: string): Weights {
  const find = (name: string): tf.Tensor => {
    const tensor = parameters.get(`${root}.${name}.weight`);
    if (!tensor) throw new Error(`the model has no weight ${root}.${name}`);
    return tensor;
  };
  return { matrix: (name) => find(name) as tf.Tensor2D, vector: (name) => find(name) as tf.Tensor1D };
}

/** One transformer block: x + attention(norm(x)), then x + feed-forward(norm(x)). */
function layer(x: tf.Tensor2D, weights: Weights, row: Placed, config: ModelConfig): tf.Tensor2D {
  const a = rmsNorm(x, weights.vector('attn_norm'), config.rmsNormEps);
  const q = rotate(linear(a, weights.matrix('q_proj')), row.rope);
  const k = rotate(linear(a, weights.matrix('k_proj')), row.rope);
  const v = linear(a, weights.matrix('v_proj'));
  const middle = residual(x, linear(attention(q, k, v, row.plan), weights.matrix('attn_out')));
  const f = rmsNorm(middle, weights.vector('ff_norm'), config.rmsNormEps);
  const inner = swiglu(linear(f, weights.matrix('ff_proj')), linear(f, weights.matrix('up_proj')));
  return residual(middle, linear(inner, weights.matrix('ff_out')));
}
