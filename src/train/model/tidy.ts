import * as tf from '@tensorflow/tfjs-core';

/** tf.tidy for any structure of tensors: those in the result stay, all others made meanwhile are freed. */
export const tidy = <T>(make: () => T): T => tf.tidy(make as () => tf.TensorContainer) as T;
