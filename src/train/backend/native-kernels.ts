import * as tf from '@tensorflow/tfjs-core';
import type { FusedName } from '../model/fused.ts';

/** Results of each operation of native-ops/; those of its inputs that are numbers are in `attrs`. */
const RESULTS: Readonly<Record<FusedName, number>> = {
  UltraprepNorm: 2,
  UltraprepNormed: 1,
  UltraprepNormGrad: 2,
  UltraprepSwiglu: 1,
  UltraprepSwigluGrad: 3,
  UltraprepRotate: 1,
  UltraprepSoftmax: 1,
  UltraprepScoresGrad: 1,
  UltraprepRowDots: 1,
  UltraprepRows: 1,
  UltraprepAdamW: 3,
  UltraprepSumOfSquares: 1,
};

/** Of tfjs-node's backend, which its types do not show. */
interface NativeBackend {
  readonly binding: { readonly TF_ATTR_FLOAT: number };
  executeMultipleOutputs(name: string, attrs: unknown[], inputs: tf.TensorInfo[], results: number): tf.Tensor[];
}

/**
 * Registers the operations that `train setup` compiled into the addon, for the CPU. An addon that lacks them, such as TensorFlow.js's own
 * download, is left as it is.
 */
export function registerNativeKernels(): void {
  const backend = tf.backend() as unknown as NativeBackend;
  const run = (name: string, inputs: tf.TensorInfo[], attrs: Record<string, number>, results: number): tf.Tensor[] =>
    backend.executeMultipleOutputs(
      name,
      Object.entries(attrs).map(([key, value]) => ({ name: key, type: backend.binding.TF_ATTR_FLOAT, value })),
      inputs,
      results,
    );
  const row = tf.tensor1d([1, 2]);
  try {
    tf.dispose(run('UltraprepRowDots', [row, row], {}, 1));
  } catch {
    return;
  } finally {
    row.dispose();
  }
  for (const [kernelName, results] of Object.entries(RESULTS)) {
    if (tf.getKernel(kernelName, 'tensorflow')) continue;
    tf.registerKernel({
      kernelName,
      backendName: 'tensorflow',
      kernelFunc: ({ inputs, attrs }) =>
        run(kernelName, Object.values(inputs) as tf.TensorInfo[], (attrs ?? {}) as Record<string, number>, results),
    });
  }
}
