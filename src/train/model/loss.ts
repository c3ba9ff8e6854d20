import * as tf from '@tensorflow/tfjs-core';

import { type Slab, slabParts } from '../slab.ts';
import type { Gradients } from './block.ts';
import { softmax } from './layers.ts';
import { backwardPass, disposePlaced, forwardPass, HEAD, hiddenRows, place } from './model.ts';
import type { Parameters } from './parameters.ts';
import type { ModelConfig } from './presets.ts';
import { tidy } from './tidy.ts';

export type { Gradients } from './block.ts';

/** Logits of one piece of the cross-entropy: bounds its memory (32 MiB). */
export const MAX_LOGITS = 8 * 1024 * 1024;
/**
 * Tokens that go through the model together, where their groups allow: no group sees another, so one after the other is the same in the
 * memory of the longest. Also faster than all at once, whose tensors no cache holds.
 */
export const PART_TOKENS = 4096;

/** Masked tokens in pieces whose logits fit. */
function* pieces(slab: Slab, vocabulary: number): Generator<{ from: number; to: number }> {
  const rows = Math.max(1, Math.floor(MAX_LOGITS / vocabulary));
  for (let from = 0; from < slab.masked.length; from += rows)
    yield { from, to: Math.min(slab.masked.length, from + rows) };
}

/**
 * Sum over the masked tokens of weight x cross-entropy, in nats, divided by `tokens`, all real tokens of the optimizer
 * batch (LLaDA, arXiv 2502.09992, eq. 3), and its gradients to `hidden` [tokens, width] and `head` [vocabulary, width]. Only masked rows
 * get logits, some at a time; the gradients are made with them, so logits are never kept and a one-hot never formed.
 * `crossEntropies`: [masked, 1], by themselves, unweighted.
 */
export function weightedCrossEntropy(
  hidden: tf.Tensor2D,
  head: tf.Tensor2D,
  whole: Slab,
  tokens: number,
): { loss: tf.Scalar; dHidden: tf.Tensor2D; dHead: tf.Tensor2D; crossEntropies: tf.Tensor2D } {
  const slab = { ...whole, weights: whole.weights.map((weight) => weight / tokens) };
  const [vocabulary, width] = head.shape;
  return tidy(() => {
    const headT: tf.Tensor2D = tf.transpose(head);
    let loss: tf.Scalar = tf.scalar(0);
    let dHeadT: tf.Tensor2D = tf.zerosLike(headT);
    const rows: { dRows: tf.Tensor2D; crossEntropies: tf.Tensor2D }[] = [];
    for (const { from, to } of pieces(slab, vocabulary)) {
      const part = tidy(() => pieceOfLoss(hidden, head, headT, slab, from, to));
      const [lastLoss, lastHead] = [loss, dHeadT];
      loss = tf.add(loss, part.loss);
      dHeadT = tf.add(dHeadT, part.dHeadT);
      rows.push(part);
      tf.dispose([lastLoss, lastHead, part.loss, part.dHeadT]);
    }
    const dRows = joinRows(
      rows.map((part) => part.dRows),
      width,
    );
    return {
      loss,
      dHidden: scatterRows(dRows, slab.masked, hidden.shape[0]),
      dHead: headGradient(hidden, dHeadT, slab, vocabulary),
      crossEntropies: joinRows(
        rows.map((part) => part.crossEntropies),
        1,
      ),
    };
  });
}

/** Loss and gradients of masked tokens `from` to `to`; the head's gradient [width, vocabulary] without its one-hot part. */
function pieceOfLoss(hidden: tf.Tensor2D, head: tf.Tensor2D, headT: tf.Tensor2D, slab: Slab, from: number, to: number) {
  const { x, weight, targetRows } = pick(hidden, head, slab, from, to);
  const logits: tf.Tensor2D = tf.matMul(x, headT);
  const p: tf.Tensor2D = softmax(logits);
  const weighted: tf.Tensor2D = tf.mul(p, weight);
  const crossEntropies = crossEntropy(x, logits, p, targetRows);
  return {
    crossEntropies,
    loss: tf.sum<tf.Scalar>(tf.mul(crossEntropies, weight)),
    dRows: tf.sub<tf.Tensor2D>(tf.matMul(weighted, head), tf.mul(targetRows, weight)),
    dHeadT: tf.matMul<tf.Tensor2D>(x, weighted, true, false),
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
const crossEntropy = (x: tf.Tensor2D, logits: tf.Tensor2D, p: tf.Tensor2D, targetRows: tf.Tensor2D): tf.Tensor2D =>
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

/** Cross-entropies of a slab's masked tokens in nats, unweighted, without gradients: the same figures, for evaluation. */
export async function slabCrossEntropies(
  slab: Slab,
  parameters: Parameters,
  config: ModelConfig,
): Promise<Float32Array> {
  const head = parameters.get(HEAD) as tf.Tensor2D;
  const all = new Float32Array(slab.masked.length);
  let done = 0;
  for (const part of slabParts(slab, PART_TOKENS)) {
    const placed = place(part, config);
    const found = tidy(() => {
      const hidden = hiddenRows(placed, parameters, config);
      const headT: tf.Tensor2D = tf.transpose(head);
      const some = [...pieces(part, head.shape[0])].map(({ from, to }) =>
        tidy(() => {
          const { x, targetRows } = pick(hidden, head, part, from, to);
          const logits: tf.Tensor2D = tf.matMul(x, headT);
          return crossEntropy(x, logits, softmax(logits), targetRows);
        }),
      );
      return joinRows(some, 1);
    });
    disposePlaced(placed);
    all.set(await found.data(), done);
    done += part.masked.length;
    found.dispose();
  }
  return all;
}

/** What a slab teaches; the caller disposes. */
export interface Lesson {
  /** Divided by all real tokens of the optimizer batch. */
  readonly loss: tf.Scalar;
  readonly gradients: Gradients;
  /** [masked, 1]: nats, unweighted. */
  readonly crossEntropies: tf.Tensor2D;
}

/** A slab's loss, divided by `tokens` (all real tokens of the optimizer batch), and its gradients. `dRows`: `backwardPass`. */
export function lossAndGradients(
  slab: Slab,
  parameters: Parameters,
  config: ModelConfig,
  tokens: number,
  dRows?: (gradient: tf.Tensor2D) => void,
): Lesson {
  let sum: Lesson | null = null;
  for (const part of slabParts(slab, PART_TOKENS)) {
    const placed = place(part, config);
    const pass = forwardPass(placed, parameters, config);
    const { loss, dHidden, dHead, crossEntropies } = weightedCrossEntropy(
      pass.hidden,
      parameters.get(HEAD) as tf.Tensor2D,
      part,
      tokens,
    );
    const gradients = backwardPass(dHidden, pass, dRows).set(HEAD, dHead);
    disposePlaced(placed);
    sum = sum ? together(sum, { loss, gradients, crossEntropies }) : { loss, gradients, crossEntropies };
  }
  if (!sum) throw new Error('a slab without tokens');
  return sum;
}

function together(a: Lesson, b: Lesson): Lesson {
  const both = {
    loss: tf.add<tf.Scalar>(a.loss, b.loss),
    gradients: new Map([...a.gradients].map(([name, gradient]) => [name, tf.add(gradient, b.gradients.get(name)!)])),
    crossEntropies: tf.concat2d([a.crossEntropies, b.crossEntropies], 0),
  };
  for (const { loss, gradients, crossEntropies } of [a, b]) tf.dispose([loss, ...gradients.values(), crossEntropies]);
  return both;
}
