import * as tf from '@tensorflow/tfjs-core';

import { fused } from './model/fused.ts';
import type { Gradients } from './model/loss.ts';
import type { Parameters, ParameterSpec } from './model/parameters.ts';

export interface AdamWSettings {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  /** Decoupled (Loshchilov & Hutter, arXiv 1711.05101); on matrices only, not on norms and embeddings. */
  readonly weightDecay: number;
  /** Gradients of a larger global norm are scaled down to it; 0: never. */
  readonly clipNorm: number;
  /** Decay of the moving average of the weights; null: there is none. */
  readonly averageDecay: number | null;
}

export const ADAMW: AdamWSettings = {
  beta1: 0.9,
  beta2: 0.95,
  eps: 1e-8,
  weightDecay: 0.1,
  clipNorm: 1,
  averageDecay: null,
};

/** AdamW's moments, by parameter name. */
export interface Optimizer {
  readonly settings: AdamWSettings;
  readonly decayed: ReadonlySet<string>;
  readonly first: Map<string, tf.Tensor>;
  readonly second: Map<string, tf.Tensor>;
  /** Exponential moving average of the weights, from the first update on; empty without. */
  readonly average: Parameters;
  /** Updates made. */
  updates: number;
}

export function createOptimizer(specs: readonly ParameterSpec[], settings: AdamWSettings = ADAMW): Optimizer {
  const zeros = (): Map<string, tf.Tensor> => new Map(specs.map(({ name, shape }) => [name, tf.zeros([...shape])]));
  return {
    settings,
    decayed: new Set(specs.filter(({ kind }) => kind === 'linear').map(({ name }) => name)),
    first: zeros(),
    second: zeros(),
    average: new Map(),
    updates: 0,
  };
}

export const disposeOptimizer = ({ first, second, average }: Optimizer): void =>
  tf.dispose([...first.values(), ...second.values(), ...average.values()]);

type AdamWScalars = [tf.Scalar, tf.Scalar, tf.Scalar, tf.Scalar, tf.Scalar, tf.Scalar, tf.Scalar];

/**
 * One AdamW update of `parameters`, in place of their tensors: with the clipped gradient g,
 * m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
 * w = w (1 - lr decay) - lr (m / (1 - b1^n)) / (sqrt(v / (1 - b2^n)) + eps).
 * `norm` is the gradients' global norm (read by the caller, who checks that it is finite first).
 */
export function update(
  optimizer: Optimizer,
  parameters: Parameters,
  gradients: Gradients,
  norm: number,
  learningRate: number,
): void {
  const { beta1, beta2, eps, weightDecay, clipNorm } = optimizer.settings;
  const n = ++optimizer.updates;
  const clip = clipNorm > 0 && norm > clipNorm ? clipNorm / norm : 1;
  // lr m^ / (sqrt(v^) + eps) with the bias corrections taken out of the tensors: fewer passes over them.
  const root = Math.sqrt(1 - beta2 ** n);
  const rate = (learningRate * root) / (1 - beta1 ** n);
  // On the backend once a step and not once a weight.
  const settings = tf.tidy(() => {
    const kept = [beta1, (1 - beta1) * clip, beta2, (1 - beta2) * clip * clip, eps * root, rate];
    const [decayed, plain] = [1 - learningRate * weightDecay, 1].map((weight) => tf.tensor1d([...kept, weight]));
    return { decayed: decayed!, plain: plain!, scalars: tf.unstack(decayed!) as AdamWScalars };
  });
  for (const [name, weight] of parameters) {
    const [m, v, g] = [optimizer.first.get(name)!, optimizer.second.get(name)!, gradients.get(name)!];
    const decayed = optimizer.decayed.has(name);
    const [nextWeight, nextM, nextV] = fused(
      'UltraprepAdamW',
      [weight, m, v, g, decayed ? settings.decayed : settings.plain],
      (): [tf.Tensor, tf.Tensor, tf.Tensor] => {
        const [keptM, newM, keptV, newV, smallest, rate, keptWeight] = settings.scalars;
        const nextM = tf.add(tf.mul(m, keptM), tf.mul(g, newM));
        const nextV = tf.add(tf.mul(v, keptV), tf.mul(tf.square(g), newV));
        const change = tf.div(nextM, tf.add(tf.sqrt(nextV), smallest));
        return [tf.sub(decayed ? tf.mul(weight, keptWeight) : weight, tf.mul(change, rate)), nextM, nextV];
      },
    );
    tf.dispose([m, v, weight]);
    optimizer.first.set(name, nextM);
    optimizer.second.set(name, nextV);
    parameters.set(name, nextWeight);
  }
  tf.dispose([settings.decayed, settings.plain, ...settings.scalars]);
  follow(optimizer, parameters);
}

/**
 * Moves the average towards the weights: a = d a + (1 - d) w, from a = w at the first update. d is (1 + n) / (10 + n) after n
 * updates while that is less than the decay (TensorFlow's rule), so that a short run averages its own last tenth and not its start.
 */
function follow({ settings: { averageDecay }, average, updates }: Optimizer, parameters: Parameters): void {
  if (averageDecay === null) return;
  const decay = Math.min(averageDecay, (1 + updates) / (10 + updates));
  for (const [name, weight] of parameters) {
    const before = average.get(name);
    const moved = (old: tf.Tensor): tf.Tensor => tf.add(tf.mul(old, decay), tf.mul(weight, 1 - decay));
    average.set(name, before ? tf.tidy(() => moved(before)) : tf.clone(weight));
    before?.dispose();
  }
}

/** Adds `more` to `sum`, tensor by tensor; disposes what it was given. */
export function addGradients(sum: Gradients | null, more: Gradients): Gradients {
  if (!sum) return more;
  const total: Gradients = new Map();
  for (const [name, gradient] of more) {
    const before = sum.get(name)!;
    total.set(name, tf.add(before, gradient));
    tf.dispose([before, gradient]);
  }
  return total;
}
