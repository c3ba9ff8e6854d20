import * as tf from '@tensorflow/tfjs-core';

import { withGradient } from './gradient.ts';

/*
 * Every operation on the tape is one of ours: tfjs-core registers no gradients in its Node build, and few large operations
 * are faster than many small ones.
 */

/** Column sums of `x` [rows, columns] -> [columns], as a product: tfjs's own sum over the first axis transposes. */
export const columnSums = (x: tf.Tensor2D): tf.Tensor1D =>
  tf.reshape(tf.matMul(tf.ones([1, x.shape[0]]), x), [x.shape[1]]);

/** x . weight; `x` [rows, in], `weight` [in, out]. */
export const linear = (x: tf.Tensor2D, weight: tf.Tensor2D): tf.Tensor2D =>
  withGradient(
    [x, weight],
    () => ({ value: tf.matMul<tf.Tensor2D>(x, weight), saved: [x, weight] }),
    (dy, [x, weight]) => [tf.matMul(dy, weight, false, true), tf.matMul(x, dy, true, false)],
  );

/** x + y, of one shape. */
export const residual = (x: tf.Tensor2D, y: tf.Tensor2D): tf.Tensor2D =>
  withGradient(
    [x, y],
    () => ({ value: tf.add<tf.Tensor2D>(x, y), saved: [] }),
    (dy) => [dy, dy],
  );

/** Rows `ids` [tokens] of `table` [vocabulary, width]. */
export const embed = (table: tf.Tensor2D, ids: tf.Tensor1D): tf.Tensor2D =>
  withGradient(
    [table],
    () => ({ value: tf.gather(table, ids), saved: [] }),
    (dy) => [tf.unsortedSegmentSum(dy, ids, table.shape[0])],
  );

/** x / sqrt(mean(x^2) + eps) * scale, for each row of `x` [tokens, width]; `scale` [width]. */
export const rmsNorm = (x: tf.Tensor2D, scale: tf.Tensor1D, eps: number): tf.Tensor2D =>
  withGradient(
    [x, scale],
    () => {
      const inverse: tf.Tensor2D = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), eps));
      const value: tf.Tensor2D = tf.mul(tf.mul(x, inverse), scale);
      return { value, saved: [x, scale, inverse] };
    },
    (dy, [x, scale, inverse]) => {
      const normed: tf.Tensor2D = tf.mul(x, inverse);
      const g = tf.mul(dy, scale);
      const dx = tf.mul(tf.sub(g, tf.mul(normed, tf.mean(tf.mul(g, normed), -1, true))), inverse);
      return [dx, columnSums(tf.mul(dy, normed))];
    },
  );

/** silu(gate) * up, elementwise; silu(a) = a sigmoid(a). */
export const swiglu = (gate: tf.Tensor2D, up: tf.Tensor2D): tf.Tensor2D =>
  withGradient(
    [gate, up],
    () => ({ value: tf.mul<tf.Tensor2D>(tf.mul(gate, tf.sigmoid(gate)), up), saved: [gate, up] }),
    (dy, [gate, up]) => {
      const s = tf.sigmoid(gate);
      const silu = tf.mul(gate, s);
      // silu' = s (1 + a (1 - s)) = s + silu - silu s
      const slope = tf.sub(tf.add(s, silu), tf.mul(silu, s));
      return [tf.mul(tf.mul(dy, up), slope), tf.mul(dy, silu)];
    },
  );
