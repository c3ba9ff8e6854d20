import * as tf from '@tensorflow/tfjs-core';

import { disposePlaced, HEAD, hiddenRows, place } from '../model/model.ts';
import type { Parameters } from '../model/parameters.ts';
import type { ModelConfig } from '../model/presets.ts';

export interface Model {
  readonly parameters: Parameters;
  readonly config: ModelConfig;
}

/** Logits formed at once: bounds their memory (32 MiB). */
const MAX_LOGITS = 8 * 1024 * 1024;

/** Documents laid end to end whose tokens change while their lengths do not: rotations and attention are laid out once. */
export interface Rows {
  /**
   * Logits [vocabulary] at each of `positions`, in order, of `ids` [sum of the lengths]; for no other position are any
   * formed. `take` must not keep them: the next ones may lie in the same memory.
   */
  logits(ids: Int32Array, positions: Int32Array, take: (logits: Float32Array, index: number) => void): Promise<void>;
  dispose(): void;
}

/** `lengths`: of each document; its tokens see each other and no others, and its positions begin at 0. */
export function openRows(lengths: readonly number[], { parameters, config }: Model): Rows {
  const offsets = [0];
  for (const length of lengths) offsets.push(offsets.at(-1)! + length);
  const total = offsets.at(-1)!;
  const positions = new Int32Array(total);
  lengths.forEach((length, row) => {
    for (let i = 0; i < length; i++) positions[offsets[row]! + i] = i;
  });
  const placed = place({ ids: new Int32Array(total), positions, groupOffsets: Int32Array.from(offsets) }, config);
  const rowsAtOnce = Math.max(1, Math.floor(MAX_LOGITS / config.vocabSize));
  return {
    async logits(ids, asked, take) {
      const hidden = tf.tidy(() => {
        const all = hiddenRows({ ...placed, ids: tf.tensor1d(ids, 'int32') }, parameters, config);
        return tf.gather(all, tf.tensor1d(asked, 'int32'));
      });
      try {
        for (let from = 0; from < asked.length; from += rowsAtOnce) {
          const count = Math.min(rowsAtOnce, asked.length - from);
          const part = tf.tidy(() =>
            tf.matMul(
              tf.slice(hidden, [from, 0], [count, config.dModel]),
              parameters.get(HEAD) as tf.Tensor2D,
              false,
              true,
            ),
          );
          const values = (await part.data()) as Float32Array;
          part.dispose();
          for (let row = 0; row < count; row++)
            take(values.subarray(row * config.vocabSize, (row + 1) * config.vocabSize), from + row);
        }
      } finally {
        hidden.dispose();
      }
    },
    dispose: () => disposePlaced(placed),
  };
}
