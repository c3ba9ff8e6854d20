import * as tf from '@tensorflow/tfjs-core';

/**
 * An operation with a gradient of its own: tf.customGrad with types. `forward` returns the value and the tensors to keep for
 * the backward pass (inputs, value or intermediates; all else is freed); `backward` gets these and the gradient of the
 * value, and returns one gradient an input. Neither is recorded on the tape.
 */
export function withGradient<Value extends tf.Tensor, const Saved extends readonly tf.Tensor[]>(
  inputs: readonly tf.Tensor[],
  forward: () => { value: Value; saved: Saved },
  backward: (dy: Value, saved: Saved) => tf.Tensor[],
): Value {
  const op = tf.customGrad((...args) => {
    const save = args.at(-1) as unknown as tf.GradSaveFunc;
    const { value, saved } = forward();
    save([...saved]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, kept: tf.Tensor[]) => backward(dy as Value, kept as unknown as Saved),
    };
  });
  return op(...inputs);
}
