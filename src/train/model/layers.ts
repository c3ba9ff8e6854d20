import * as tf from '@tensorflow/tfjs-core';
import { tidy } from './tidy.ts';

/*
 * The parts of a block, forward and backward by hand: tfjs's tape keeps every tensor of a pass until its end, three times
 * the memory, and records small operations where few large ones are faster.
 */

/** Column sums of `x` [rows, columns] -> [columns], as a product: tfjs's own sum over the first axis transposes. */
export const columnSums = (x: tf.Tensor2D): tf.Tensor1D =>
  tf.reshape(tf.matMul(tf.ones([1, x.shape[0]]), x), [x.shape[1]]);

/** 1 / sqrt(mean(x^2) + eps) of each row of `x` [tokens, width]: [tokens, 1]. */
export const inverseNorm = (x: tf.Tensor2D, eps: number): tf.Tensor2D =>
  tidy(() => tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), eps)));

/** RMSNorm: x x inverse x scale; `inverse` by `inverseNorm`, `scale` [width]. */
export const normed = (x: tf.Tensor2D, inverse: tf.Tensor2D, scale: tf.Tensor1D): tf.Tensor2D =>
  tidy(() => tf.mul(tf.mul(x, inverse), scale));

/** Gradients of `normed` to x and scale. */
export function normBackward(
  dy: tf.Tensor2D,
  x: tf.Tensor2D,
  inverse: tf.Tensor2D,
  scale: tf.Tensor1D,
): { dx: tf.Tensor2D; dScale: tf.Tensor1D } {
  return tidy(() => {
    const unit: tf.Tensor2D = tf.mul(x, inverse);
    const dScale = columnSums(tf.mul(dy, unit));
    const g = tf.mul(dy, scale);
    const dx: tf.Tensor2D = tf.mul(tf.sub(g, tf.mul(unit, tf.mean(tf.mul(g, unit), -1, true))), inverse);
    return { dx, dScale };
  });
}

/** silu(gate) x up, elementwise; silu(a) = a sigmoid(a). */
export const swiglu = (gate: tf.Tensor2D, up: tf.Tensor2D): tf.Tensor2D =>
  tidy(() => tf.mul(tf.mul(gate, tf.sigmoid(gate)), up));

/** The value of `swiglu` again, and its gradients given that of the value, `dInner`. */
export function swigluBackward(
  dInner: tf.Tensor2D,
  gate: tf.Tensor2D,
  up: tf.Tensor2D,
): { inner: tf.Tensor2D; dGate: tf.Tensor2D; dUp: tf.Tensor2D } {
  return tidy(() => {
    const s: tf.Tensor2D = tf.sigmoid(gate);
    const silu: tf.Tensor2D = tf.mul(gate, s);
    // silu' = s (1 + a (1 - s)) = s + silu - silu s = s + silu (1 - s)
    const slope = tf.sub(tf.add(s, silu), tf.mul(silu, s));
    return {
      inner: tf.mul<tf.Tensor2D>(silu, up),
      dGate: tf.mul<tf.Tensor2D>(tf.mul(dInner, up), slope),
      dUp: tf.mul<tf.Tensor2D>(dInner, silu),
    };
  });
}
