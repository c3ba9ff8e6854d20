import * as tf from '@tensorflow/tfjs-core';

import { fused } from './model/fused.ts';

/** Square root of the sum of squares over all tensors. Added in pairs: a single add of dozens breaks WebGPU's limits. */
export const globalNorm = (tensors: readonly tf.Tensor[]): tf.Scalar =>
  tf.tidy(() => {
    let sums = tensors.map(
      (tensor) => fused('UltraprepSumOfSquares', [tensor], (): [tf.Scalar] => [tf.sum(tf.square(tensor))])[0],
    );
    while (sums.length > 1)
      sums = Array.from({ length: Math.ceil(sums.length / 2) }, (_, i) => {
        const [a, b] = [sums[2 * i]!, sums[2 * i + 1]];
        return b ? tf.add<tf.Scalar>(a, b) : a;
      });
    return tf.sqrt(sums[0] ?? tf.scalar(0));
  });
