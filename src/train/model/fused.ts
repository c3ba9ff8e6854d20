import * as tf from '@tensorflow/tfjs-core';
import { tidy } from './tidy.ts';

/**
 * Operations in one pass where a backend has a kernel of the name (../backend/native-kernels.ts); elsewhere, and as the definition of
 * what each computes, the ones that they are composed of.
 */
export type FusedName =
  | 'UltraprepNorm'
  | 'UltraprepNormed'
  | 'UltraprepNormGrad'
  | 'UltraprepSwiglu'
  | 'UltraprepSwigluGrad'
  | 'UltraprepRotate'
  | 'UltraprepSoftmax'
  | 'UltraprepScoresGrad'
  | 'UltraprepRowDots'
  | 'UltraprepRows'
  | 'UltraprepAdamW'
  | 'UltraprepSumOfSquares';

/** Whether the active backend does it in one pass. */
export const isFused = (name: FusedName): boolean => tf.getKernel(name, tf.getBackend()) !== undefined;

/** The kernel's results in its order, or those of `composed`. `attrs`: numbers that stay the same through a run. */
export function fused<T extends readonly tf.Tensor[]>(
  name: FusedName,
  inputs: readonly tf.Tensor[],
  composed: () => T,
  attrs: Readonly<Record<string, number>> = {},
): T {
  if (!isFused(name)) return tidy(composed);
  const made: tf.Tensor | tf.Tensor[] = tf
    .engine()
    .runKernel(name, { ...inputs } as unknown as tf.NamedTensorMap, attrs);
  return (Array.isArray(made) ? made : [made]) as unknown as T;
}

/** What a fused operation is given in place of a tensor that there is not; the caller's to dispose. */
export const nothing = (): tf.Tensor => tf.tensor1d([], 'float32');
