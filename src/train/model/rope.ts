import * as tf from '@tensorflow/tfjs-core';

/**
 * Rotary position embedding in Hugging Face's rotate-half convention: with half = width / 2 and
 * f_i = theta^(-i / half), element i < half of a head at position p becomes x_i cos(p f_i) - x_(i+half) sin(p f_i), element
 * i + half becomes x_(i+half) cos(p f_i) + x_i sin(p f_i).
 */
export interface Rope {
  /** [tokens, 1, head width] */
  readonly cos: tf.Tensor3D;
  readonly sin: tf.Tensor3D;
  /** [head width, head width]: x . rotation = concat(-second half, first half). A signed permutation, so exact. */
  readonly rotation: tf.Tensor2D;
}

/** Tables for these positions; computed in float64, so the same on every backend. The caller disposes. */
export function ropeTables(positions: Int32Array, headWidth: number, theta: number): Rope {
  const half = headWidth / 2;
  const cos = new Float32Array(positions.length * headWidth);
  const sin = new Float32Array(positions.length * headWidth);
  const frequency = Float64Array.from({ length: half }, (_, i) => theta ** (-i / half));
  for (let token = 0; token < positions.length; token++)
    for (let i = 0; i < half; i++) {
      const angle = positions[token]! * frequency[i]!;
      const at = token * headWidth + i;
      cos[at] = cos[at + half] = Math.cos(angle);
      sin[at] = sin[at + half] = Math.sin(angle);
    }
  const rotation = new Float32Array(headWidth * headWidth);
  for (let i = 0; i < half; i++) {
    rotation[(i + half) * headWidth + i] = -1;
    rotation[i * headWidth + i + half] = 1;
  }
  const shape: [number, number, number] = [positions.length, 1, headWidth];
  return {
    cos: tf.tensor3d(cos, shape),
    sin: tf.tensor3d(sin, shape),
    rotation: tf.tensor2d(rotation, [headWidth, headWidth]),
  };
}

/** Rotates `x` [tokens, n x head width], head by head. A product with `rotation` is faster than slices and concats. */
export const rotate = (x: tf.Tensor2D, rope: Rope): tf.Tensor2D =>
  tf.tidy(() => {
    const rows = byHead(x, rope);
    return tf.reshape(tf.add(tf.mul(rows, rope.cos), tf.mul(turned(rows, rope, false), rope.sin)), x.shape);
  });

/** The gradient to `x` of `rotate`, from that of its result. */
export const rotateBack = (dy: tf.Tensor2D, rope: Rope): tf.Tensor2D =>
  tf.tidy(() => {
    const rows = byHead(dy, rope);
    return tf.reshape(tf.add(tf.mul(rows, rope.cos), turned(tf.mul(rows, rope.sin), rope, true)), dy.shape);
  });

const byHead = (x: tf.Tensor2D, { rotation }: Rope): tf.Tensor3D => tf.reshape(x, [x.shape[0], -1, rotation.shape[0]]);

const turned = (rows: tf.Tensor3D, { rotation }: Rope, back: boolean): tf.Tensor3D =>
  tf.reshape(tf.matMul(tf.reshape(rows, [-1, rotation.shape[0]]), rotation, false, back), rows.shape);
