import * as tf from '@tensorflow/tfjs-core';

import { keyOf, philox } from '../../src/core/random.ts';

/** About normal values that depend on (seed, index) only. */
export function normalTensor(shape: number[], seed: number): tf.Tensor {
  const draw = new Uint32Array(4);
  const values = Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, (_, i) => {
    philox(draw, keyOf(seed), i, 0, 0, 99);
    return (draw.reduce((sum, word) => sum + word / 2 ** 32, 0) - 2) * Math.sqrt(3);
  });
  return tf.tensor(values, shape);
}

/** Largest |a - b|; NaN if any is. */
export const largestDifference = (a: tf.Tensor, b: tf.Tensor): number => {
  sameShape(a, b);
  return tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!);
};

function sameShape(a: tf.Tensor, b: tf.Tensor): void {
  if (a.shape.join() !== b.shape.join()) throw new Error(`shapes [${a.shape.join()}] and [${b.shape.join()}] differ`);
}
