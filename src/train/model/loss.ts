import * as tf from '@tensorflow/tfjs-core';

import { withGradient } from './gradient.ts';
import { disposePlaced, HEAD, hiddenRows, place } from './model.ts';
import type { Parameters } from './parameters.ts';
import type { ModelConfig } from './presets.ts';
import type { Slab } from '../slab.ts';

/** Logits of one piece of the cross-entropy: bounds its memory (32 MiB). */
const MAX_LOGITS = 8 * 1024 * 1024;

/**
 * Sum over the masked tokens of weight x cross-entropy, in nats, divided by `tokens`, all real tokens of the optimizer
 * batch (LLaDA, arXiv 2502.09992, eq. 3). `hidden` [tokens, width], `head` [vocabulary, width]. Only masked rows get logits, some at a time; the
 * gradients are made with them, so logits are never kept and a one-hot never formed.
 */
export function weightedCrossEntropy(hidden: tf.Tensor2D, head: tf.Tensor2D, whole: Slab, tokens: number): tf.Scalar {
  const slab = { ...whole, weights: whole.weights.map((weight) => weight / tokens) };
  const vocabulary = head.shape[0];
  const rows = Math.max(1, Math.floor(MAX_LOGITS / vocabulary));
  return withGradient(
    [hidden, head],
    () => {
      const headT: tf.Tensor2D = tf.transpose(head);
      let loss: tf.Scalar = tf.scalar(0);
      let dHeadT: tf.Tensor2D = tf.zerosLike(headT);
      const dRows: tf.Tensor2D[] = [];
      for (let from = 0; from < slab.masked.length; from += rows) {
        const part = tf.tidy(() => pieceOfLoss(hidden, head, headT, slab, from, from + rows));
        const [lastLoss, lastHead] = [loss, dHeadT];
        loss = tf.add(loss, part.loss);
        dHeadT = tf.add(dHeadT, part.dHeadT);
        dRows.push(part.dRows);
        tf.dispose([lastLoss, lastHead, part.loss, part.dHeadT]);
      }
      return { value: loss, saved: [joinRows(dRows, hidden.shape[1]), headGradient(hidden, dHeadT, slab, vocabulary)] };
    },
    (dy, [dRows, dHead]) => [tf.mul(scatterRows(dRows, slab.masked, hidden.shape[0]), dy), tf.mul(dHead, dy)],
  );
}

/** Loss and gradients of masked tokens `from` to `to`; the head's gradient [width, vocabulary] without its one-hot part. */
function pieceOfLoss(
  hidden: tf.Tensor2D,
  head: tf.Tensor2D,
  headT: tf.Tensor2D,
  slab: Slab,
  from: number,
  to: number,
): { loss: tf.Scalar; dRows: tf.Tensor2D; dHeadT: tf.Tensor2D } {
  const { x, weight, targetRows } = pick(hidden, head, slab, from, to);
  const logits: tf.Tensor2D = tf.matMul(x, headT);
  const p: tf.Tensor2D = tf.softmax(logits);
  const weighted: tf.Tensor2D = tf.mul(p, weight);
  return {
    loss: tf.sum(tf.mul(crossEntropy(x, logits, p, targetRows), weight)),
    dRows: tf.sub(tf.matMul(weighted, head), tf.mul(targetRows, weight)),
    dHeadT: tf.matMul(x, weighted, true, false),
  };
}

/** Hidden rows, weights [rows, 1] and the head's rows of the targets, of masked tokens `from` to `to`. */
function pick(hidden: tf.Tensor2D, head: tf.Tensor2D, slab: Slab, from: number, to: number) {
  return {
    x: tf.gather(hidden, tf.tensor1d(slab.masked.subarray(from, to), 'int32')),
    weight: tf.reshape(tf.tensor1d(slab.weights.subarray(from, to)), [-1, 1]),
    targetRows: tf.gather(head, tf.tensor1d(slab.targets.subarray(from, to), 'int32')),
  };
}

/** [rows, 1]: log-sum-exp of the logits (max - log max softmax: no exp, no underflow) minus the target's logit. */
const crossEntropy = (x: tf.Tensor2D, logits: tf.Tensor2D, p: tf.Tensor2D, targetRows: tf.Tensor2D): tf.Tensor =>
  tf.sub(tf.sub(tf.max(logits, -1, true), tf.log(tf.max(p, -1, true))), tf.sum(tf.mul(x, targetRows), -1, true));

const joinRows = (parts: readonly tf.Tensor2D[], width: number): tf.Tensor2D =>
  parts.length === 0 ? tf.zeros([0, width]) : parts.length === 1 ? parts[0]! : tf.concat2d([...parts], 0);

/** dHeadT transposed, less each target's share: the sum of weight x hidden row over the masked tokens with that target. */
function headGradient(hidden: tf.Tensor2D, dHeadT: tf.Tensor2D, slab: Slab, vocabulary: number): tf.Tensor2D {
  const x = tf.gather(hidden, tf.tensor1d(slab.masked, 'int32'));
  const weighted = tf.mul(x, tf.reshape(tf.tensor1d(slab.weights), [-1, 1]));
  const targets = tf.tensor1d(slab.targets, 'int32');
  return tf.sub(tf.transpose(dHeadT), tf.unsortedSegmentSum(weighted, targets, vocabulary));
}

/** [tokens, width] with `rows` at `at` and zeros elsewhere. */
const scatterRows = (rows: tf.Tensor2D, at: Int32Array, tokens: number): tf.Tensor2D =>
  tf.unsortedSegmentSum(rows, tf.tensor1d(at, 'int32'), tokens);

/** Cross-entropy sum of a slab without gradients: the same figure, for evaluation. */
export function slabLoss(slab: Slab, parameters: Parameters, config: ModelConfig): number {
  const placed = place(slab, config);
  const loss = tf.tidy(() => {
    const hidden = hiddenRows(placed, parameters, config);
    const head = parameters.get(HEAD) as tf.Tensor2D;
    const headT: tf.Tensor2D = tf.transpose(head);
    const rows = Math.max(1, Math.floor(MAX_LOGITS / head.shape[0]));
    let sum = 0;
    for (let from = 0; from < slab.masked.length; from += rows)
      sum += tf
        .tidy(() => {
          const { x, weight, targetRows } = pick(hidden, head, slab, from, from + rows);
          const logits: tf.Tensor2D = tf.matMul(x, headT);
          return tf.sum(tf.mul(crossEntropy(x, logits, tf.softmax(logits), targetRows), weight));
        })
        .dataSync()[0]!;
    return sum;
  });
  disposePlaced(placed);
  return loss;
}

export type Gradients = Map<string, tf.Tensor>;

/** A slab's loss, divided by `tokens` (all real tokens of the optimizer batch), and its gradients. The caller disposes. */
export function lossAndGradients(
  slab: Slab,
  parameters: Parameters,
  config: ModelConfig,
  tokens: number,
): { loss: tf.Scalar; gradients: Gradients } {
  const placed = place(slab, config);
  const names = [...parameters.keys()];
  const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => {
    const weights: Parameters = new Map(names.map((name, i) => [name, tensors[i]!]));
    const hidden = hiddenRows(placed, weights, config);
    return weightedCrossEntropy(hidden, weights.get(HEAD) as tf.Tensor2D, slab, tokens);
  })([...parameters.values()]);
  disposePlaced(placed);
  return { loss: value, gradients: new Map(names.map((name, i) => [name, grads[i]!])) };
}
