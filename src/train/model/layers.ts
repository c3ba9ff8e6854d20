import * as tf from '@tensorflow/tfjs-core';
import { fused, nothing } from './fused.ts';
import { tidy } from './tidy.ts';

/*
 * The parts of a block, forward and backward by hand: tfjs's tape keeps every tensor of a pass until its end, three times
 * the memory, and records small operations where few large ones are faster.
 */

/** Column sums of `x` [rows, columns] -> [columns], as a product: tfjs's own sum over the first axis transposes. */
export const columnSums = (x: tf.Tensor2D): tf.Tensor1D =>
  tf.reshape(tf.matMul(tf.ones([1, x.shape[0]]), x), [x.shape[1]]);

/** Softmax of the last axis, of `scores` + `bias` where there is one ([matrices or 1, rows or 1, columns or 1] of three axes). */
export const softmax = <T extends tf.Tensor>(scores: T, bias: tf.Tensor3D | null = null): T =>
  tidy(
    () =>
      fused('UltraprepSoftmax', [scores, bias ?? nothing()], (): [T] => [
        tf.softmax<T>(bias ? tf.add<T>(scores, bias) : scores),
      ])[0],
  );

/** RMSNorm: x x inverse x scale with inverse = 1 / sqrt(mean(x^2) + eps) of each row of `x` [tokens, width]; `scale` [width], inverse [tokens, 1]. */
export function norm(x: tf.Tensor2D, scale: tf.Tensor1D, eps: number): { value: tf.Tensor2D; inverse: tf.Tensor2D } {
  const [value, inverse] = fused(
    'UltraprepNorm',
    [x, scale],
    (): [tf.Tensor2D, tf.Tensor2D] => {
      const inverse: tf.Tensor2D = tf.rsqrt(tf.add(tf.mean(tf.square(x), -1, true), eps));
      return [tf.mul(tf.mul(x, inverse), scale), inverse];
    },
    { eps },
  );
  return { value, inverse };
}

/** The value of `norm` again. */
export const normed = (x: tf.Tensor2D, inverse: tf.Tensor2D, scale: tf.Tensor1D): tf.Tensor2D =>
  fused('UltraprepNormed', [x, inverse, scale], (): [tf.Tensor2D] => [tf.mul(tf.mul(x, inverse), scale)])[0];

/** Gradients of `norm` to x, with `more` [tokens, width] added where it is given, and to scale. */
export function normBackward(
  dy: tf.Tensor2D,
  x: tf.Tensor2D,
  inverse: tf.Tensor2D,
  scale: tf.Tensor1D,
  more: tf.Tensor2D | null = null,
): { dx: tf.Tensor2D; dScale: tf.Tensor1D } {
  return tidy(() => {
    const [dx, dScale] = fused(
      'UltraprepNormGrad',
      [dy, x, inverse, scale, more ?? nothing()],
      (): [tf.Tensor2D, tf.Tensor1D] => {
        const unit: tf.Tensor2D = tf.mul(x, inverse);
        const g = tf.mul(dy, scale);
        const dx: tf.Tensor2D = tf.mul(tf.sub(g, tf.mul(unit, tf.mean(tf.mul(g, unit), -1, true))), inverse);
        return [more ? tf.add(dx, more) : dx, columnSums(tf.mul(dy, unit))];
      },
    );
    return { dx, dScale };
  });
}

/** silu(gate) x up, elementwise; silu(a) = a sigmoid(a). */
export const swiglu = (gate: tf.Tensor2D, up: tf.Tensor2D): tf.Tensor2D =>
  fused('UltraprepSwiglu', [gate, up], (): [tf.Tensor2D] => [tf.mul(tf.mul(gate, tf.sigmoid(gate)), up)])[0];

/** The value of `swiglu` again, and its gradients given that of the value, `dInner`. */
export function swigluBackward(
  dInner: tf.Tensor2D,
  gate: tf.Tensor2D,
  up: tf.Tensor2D,
): { inner: tf.Tensor2D; dGate: tf.Tensor2D; dUp: tf.Tensor2D } {
  const [inner, dGate, dUp] = fused(
    'UltraprepSwigluGrad',
    [dInner, gate, up],
    (): [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D] => {
      const s: tf.Tensor2D = tf.sigmoid(gate);
      const silu: tf.Tensor2D = tf.mul(gate, s);
      // silu' = s (1 + a (1 - s)) = s + silu - silu s = s + silu (1 - s)
      const slope = tf.sub(tf.add(s, silu), tf.mul(silu, s));
      return [tf.mul(silu, up), tf.mul(tf.mul(dInner, up), slope), tf.mul(dInner, silu)];
    },
  );
  return { inner, dGate, dUp };
}
