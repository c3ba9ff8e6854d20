import * as tf from '@tensorflow/tfjs-core';

import { attend, attendBackward } from '../model/attention.ts';
import { disposePlan, planAttention } from '../model/attention-plan.ts';
import { BIDIRECTIONAL } from '../model/attention-rule.ts';
import { globalNorm } from '../gradient-norm.ts';
import { lossAndGradients } from '../model/loss.ts';
import { disposeParameters, initialParameters } from '../model/parameters.ts';
import type { ModelConfig } from '../model/presets.ts';
import type { Slab } from '../slab.ts';

/** What a backend is judged by: figures that another backend must reproduce. */
export interface CheckFigures {
  /** [1 2; 3 4] . [5 6; 7 8], summed: 134. */
  readonly product: number;
  /** Of a tiny model on three attention groups, two of them in one batch. */
  readonly loss: number;
  readonly gradientNorm: number;
  /** Of the attention of groups of unequal length, some of them padded, and of its gradients. */
  readonly attention: number;
  /** The same, in tiles smaller than the groups: must equal `attention`. */
  readonly tiled: number;
}

const CONFIG: ModelConfig = {
  vocabSize: 11,
  dModel: 8,
  heads: 2,
  layers: 2,
  hidden: 12,
  ropeTheta: 10_000,
  ropeExtension: null,
  rmsNormEps: 1e-5,
  maxSequenceLength: 16,
  maskTokenId: 10,
  bosTokenId: null,
  eosTokenId: null,
  padTokenId: 10,
};

const SLAB: Slab = {
  ids: Int32Array.of(3, 10, 4, 1, 10, 9, 2, 10, 5, 3, 10, 8),
  positions: Int32Array.from({ length: 12 }, (_, i) => i),
  groupOffsets: Int32Array.of(0, 5, 9, 12),
  rules: [BIDIRECTIONAL, { kind: 'causal' }, BIDIRECTIONAL],
  masked: Int32Array.of(1, 4, 7, 10),
  targets: Int32Array.of(1, 5, 6, 5),
  weights: Float32Array.of(1.5, 1.5, 4, 2),
};

/** Runs on the active backend. */
export async function runSelfCheck(): Promise<CheckFigures> {
  const parameters = initialParameters(CONFIG, 1);
  const { loss, gradients, crossEntropies } = lossAndGradients(SLAB, parameters, CONFIG, 12);
  const norm = globalNorm([...gradients.values()]);
  const figures = {
    product: await product(),
    loss: await figure(loss),
    gradientNorm: await figure(norm),
    attention: await attentionFigure(9),
    tiled: await attentionFigure(4),
  };
  tf.dispose([crossEntropies, ...gradients.values()]);
  disposeParameters(parameters);
  return figures;
}

/** Read and disposed; WebGPU can only be waited for. */
async function figure(scalar: tf.Tensor): Promise<number> {
  const value = (await scalar.data())[0]!;
  scalar.dispose();
  return value;
}

function product(): Promise<number> {
  const sum = tf.tidy(() => tf.sum(tf.matMul(tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2]))));
  return figure(sum);
}

/** The best product of 512 x 512 within a second, in 10^9 operations a second. */
export async function gigaflops(): Promise<number> {
  const x: tf.Tensor2D = tf.randomNormal([512, 512]);
  let best = 0;
  for (const end = performance.now() + 1000; performance.now() < end;) {
    const begun = performance.now();
    await figure(tf.tidy(() => tf.sum(tf.matMul(x, x))));
    best = Math.max(best, (2 * 512 ** 3) / (performance.now() - begun) / 1e6);
  }
  x.dispose();
  return best;
}

/** Result and gradients of attention in groups of 9, 7, 4 and 3 tokens, weighed so that no two errors cancel. */
function attentionFigure(tile: number): Promise<number> {
  const [tokens, width] = [23, 4];
  const waves = (seed: number): tf.Tensor2D =>
    tf.tensor2d(
      Float32Array.from({ length: tokens * width }, (_, i) => 1.5 * Math.sin(seed + i * i)),
      [tokens, width],
    );
  const plan = planAttention(Int32Array.of(0, 9, 16, 20, 23), 2, [], tile);
  const sum = tf.tidy(() => {
    const [q, k, v, dy] = [waves(1), waves(2), waves(3), waves(4)] as const;
    const qk = tf.reshape(tf.concat2d([tf.div(q, Math.SQRT2), k], 1), [-1, 2]) as tf.Tensor2D;
    const { value, kept } = attend(qk, tf.reshape(v, [-1, 2]), plan, true);
    const { dqk, dv } = attendBackward(dy, value, kept, plan);
    return tf.addN([value, dqk, dv].map((x, i) => tf.sum(tf.mul(tf.square(x), tf.add(tf.sum(waves(5 + i)), 40)))));
  });
  disposePlan(plan);
  return figure(sum);
}
