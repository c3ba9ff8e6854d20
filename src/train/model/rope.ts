import * as tf from '@tensorflow/tfjs-core';

import { fused, isFused } from './fused.ts';

/**
 * Rotary position embedding in Hugging Face's rotate-half convention: with half = width / 2 and
 * f_i = theta^(-i / half), element i < half of a head at position p becomes x_i cos(p f_i) - x_(i+half) sin(p f_i), element
 * i + half becomes x_(i+half) cos(p f_i) + x_i sin(p f_i).
 */
export interface Rope {
  /**
   * [tokens x n, head width]: each token's n times, for n heads side by side. Broadcasting them instead is slower than reading them.
   * Where rotation is one pass (`fused`): [tokens, head width / 2].
   */
  readonly cos: tf.Tensor2D;
  readonly sin: tf.Tensor2D;
  /** [head width, head width]: x . rotation = concat(-second half, first half). A signed permutation, so exact. */
  readonly rotation: tf.Tensor2D;
}

/** Tables for these positions and `n` heads; computed in float64, so the same on every backend. The caller disposes. */
export function ropeTables(positions: Int32Array, headWidth: number, theta: number, n: number): Rope {
  const half = headWidth / 2;
  // The fused rotation reads half a row a token.
  const [copies, width] = isFused('UltraprepRotate') ? [1, half] : [n, headWidth];
  const cos = new Float32Array(positions.length * copies * width);
  const sin = new Float32Array(positions.length * copies * width);
  const frequency = Float64Array.from({ length: half }, (_, i) => theta ** (-i / half));
  for (let token = 0; token < positions.length; token++) {
    const first = token * copies * width;
    for (let i = 0; i < half; i++) {
      const angle = positions[token]! * frequency[i]!;
      cos[first + i] = Math.cos(angle);
      sin[first + i] = Math.sin(angle);
    }
    // Doubled until the row is full.
    for (let done = half; done < copies * width; done *= 2)
      for (const table of [cos, sin])
        table.copyWithin(first + done, first, first + Math.min(done, copies * width - done));
  }
  const rotation = new Float32Array(headWidth * headWidth);
  for (let i = 0; i < half; i++) {
    rotation[(i + half) * headWidth + i] = -1;
    rotation[i * headWidth + i + half] = 1;
  }
  const shape: [number, number] = [positions.length * copies, width];
  return {
    cos: tf.tensor2d(cos, shape),
    sin: tf.tensor2d(sin, shape),
    rotation: tf.tensor2d(rotation, [headWidth, headWidth]),
  };
}

/** Rotates rows [tokens x n, head width]. A product with `rotation` is faster than slices and concats. */
export const rotate = (rows: tf.Tensor2D, { cos, sin, rotation }: Rope): tf.Tensor2D =>
  fused(
    'UltraprepRotate',
    [rows, cos, sin],
    (): [tf.Tensor2D] => [tf.add(tf.mul(rows, cos), tf.mul(tf.matMul(rows, rotation), sin))],
    { sign: 1 },
  )[0];

/** The gradient to the rows of `rotate`, from that of its result. */
export const rotateBack = (dy: tf.Tensor2D, { cos, sin, rotation }: Rope): tf.Tensor2D =>
  fused(
    'UltraprepRotate',
    [dy, cos, sin],
    (): [tf.Tensor2D] => [tf.add(tf.mul(dy, cos), tf.matMul(tf.mul(dy, sin), rotation, false, true))],
    { sign: -1 },
  )[0];
