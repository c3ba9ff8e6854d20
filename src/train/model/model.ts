import * as tf from '@tensorflow/tfjs-core';

import { disposePlan, planAttention, type AttentionPlan } from './attention-plan.ts';
import type { Rule } from './attention-rule.ts';
import {
  blockBackward,
  type BlockContext,
  blockForward,
  blockWeights,
  disposeKept,
  type Gradients,
  type Keep,
  type KeptBlock,
} from './block.ts';
import { norm, normBackward } from './layers.ts';
import type { Parameters } from './parameters.ts';
import type { ModelConfig } from './presets.ts';
import { ropeTables, type Rope } from './rope.ts';
import { tidy } from './tidy.ts';

/** Tokens laid end to end with the offsets of their attention groups: what the model takes. */
export interface TokenRow {
  /** [tokens] */
  readonly ids: Int32Array;
  /** [tokens]: place of each in its window. */
  readonly positions: Int32Array;
  /** [groups + 1], from 0 to tokens: no token sees one of another group. */
  readonly groupOffsets: Int32Array;
  /** [groups]: who sees whom inside each; left out: everyone everyone. */
  readonly rules?: readonly Rule[];
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
    plan: planAttention(row.groupOffsets, config.heads, row.rules),
    rope: ropeTables(row.positions, config.dModel / config.heads, config.ropeTheta, 2 * config.heads),
  };
}

export function disposePlaced({ ids, plan, rope }: Placed): void {
  tf.dispose([ids, rope.cos, rope.sin, rope.rotation]);
  disposePlan(plan);
}

/** The weight that turns hidden rows into logits, [vocabulary, width]. */
export const HEAD = 'model.transformer.ff_out.weight';
const WORDS = 'model.transformer.wte.weight';
const LAST_NORM = 'model.transformer.ln_f.weight';

/** Activations of a pass that are kept rather than made again, at most, in bytes: making them again takes a third more time. */
export const KEEP_BYTES = 2 ** 30;

/** float32 activations that the backward pass needs of one token, in bytes (`KeptBlock`). */
export const activationBytes = ({ layers, dModel, hidden }: ModelConfig): number =>
  4 * layers * (7 * dModel + 2 * hidden);

/** float32 scores of a block's attention, in bytes, as far as they can be kept: those of groups of one tile. */
const scoreBytes = ({ heads, batches }: AttentionPlan): number =>
  batches.reduce(
    (sum, { groups, length, tiles }) => sum + (tiles.length === 1 ? 4 * groups * heads * length * length : 0),
    0,
  );

/** Tokens -> hidden rows after the last norm, [tokens, width]; logits are hidden . head^T (loss.ts). */
export function hiddenRows(row: Placed, parameters: Parameters, config: ModelConfig): tf.Tensor2D {
  return tidy(() => {
    const pass = forward(row, parameters, config, 'nothing');
    return pass.hidden;
  });
}

/** A forward pass on the way to its backward one. */
export interface Pass {
  /** [tokens, width], after the last norm. */
  readonly hidden: tf.Tensor2D;
  readonly row: Placed;
  readonly parameters: Parameters;
  readonly config: ModelConfig;
  /** Input of each block and, at the end, what comes out of the last. */
  readonly inputs: readonly tf.Tensor2D[];
  readonly kept: readonly (KeptBlock | null)[];
  readonly inverse: tf.Tensor2D;
}

/**
 * For training: attention's scores are kept where there is room for them in `keepBytes`; where not even the activations have it,
 * only the blocks' inputs are, and the rest is made again (Chen et al., arXiv 1604.06174).
 */
export const forwardPass = (
  row: Placed,
  parameters: Parameters,
  config: ModelConfig,
  keepBytes: number = KEEP_BYTES,
): Pass => {
  const activations = row.ids.size * activationBytes(config);
  const all = activations + config.layers * scoreBytes(row.plan);
  const keep = all <= keepBytes ? 'scores' : activations <= keepBytes ? 'activations' : 'inputs';
  return forward(row, parameters, config, keep);
};

function forward(row: Placed, parameters: Parameters, config: ModelConfig, keep: Keep | 'inputs'): Pass {
  const context = contextOf(row, config);
  const inputs: tf.Tensor2D[] = [tf.gather(parameters.get(WORDS) as tf.Tensor2D, row.ids)];
  const kept: (KeptBlock | null)[] = [];
  for (let n = 0; n < config.layers; n++) {
    const x = inputs.at(-1)!;
    const weights = blockWeights(parameters, n, config.dModel / config.heads);
    const made = blockForward(x, weights, context, keep === 'inputs' ? 'nothing' : keep);
    weights.qk.dispose();
    kept.push(made.kept);
    if (keep === 'nothing') inputs.pop()!.dispose();
    inputs.push(made.value);
  }
  const { value: hidden, inverse } = norm(inputs.at(-1)!, parameters.get(LAST_NORM) as tf.Tensor1D, config.rmsNormEps);
  return { hidden, row, parameters, config, inputs, kept, inverse };
}

const contextOf = ({ plan, rope }: Placed, { rmsNormEps }: ModelConfig): BlockContext => ({
  plan,
  rope,
  eps: rmsNormEps,
});

/**
 * Gradients of all weights but the head from that of the hidden rows. Disposes of the pass and of `dHidden`. `dRows`, where it is given,
 * gets the gradient to each token's embedding [tokens, width], its own to dispose.
 */
export function backwardPass(dHidden: tf.Tensor2D, pass: Pass, dRows?: (gradient: tf.Tensor2D) => void): Gradients {
  const { row, parameters, config, inputs, kept, inverse, hidden } = pass;
  const context = contextOf(row, config);
  const gradients: Gradients = new Map();
  const last = normBackward(dHidden, inputs.at(-1)!, inverse, parameters.get(LAST_NORM) as tf.Tensor1D);
  gradients.set(LAST_NORM, last.dScale);
  tf.dispose([dHidden, hidden, inverse, inputs.at(-1)!]);
  let dx = last.dx;
  for (let n = config.layers - 1; n >= 0; n--) {
    const weights = blockWeights(parameters, n, config.dModel / config.heads);
    const again = kept[n] ?? remade(blockForward(inputs[n]!, weights, context, 'activations'));
    const found = blockBackward(dx, again, weights, context);
    disposeKept(again);
    tf.dispose([dx, inputs[n]!, weights.qk]);
    dx = found.dx;
    for (const [name, gradient] of found.gradients) gradients.set(name, gradient);
  }
  gradients.set(WORDS, tf.unsortedSegmentSum(dx, row.ids, config.vocabSize));
  if (dRows) dRows(dx);
  else dx.dispose();
  return gradients;
}

function remade({ value, kept }: { value: tf.Tensor2D; kept: KeptBlock | null }): KeptBlock {
  value.dispose();
  return kept!;
}
