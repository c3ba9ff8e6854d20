/** Backward passes written by hand, each against central differences of its forward one, and all against cpu. */
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { activate } from '../../../src/train/backend/load.ts';
import { columnSums, norm, normBackward, swiglu, swigluBackward } from '../../../src/train/model/layers.ts';
import { ropeTables, rotate, rotateBack } from '../../../src/train/model/rope.ts';
import { TESTED } from '../../support/backends.ts';
import { normalTensor } from '../tensors.ts';

const [tokens, width, eps] = [7, 12, 1e-5];
const two = (seed: number): tf.Tensor2D => normalTensor([tokens, width], seed) as tf.Tensor2D;

interface Op {
  readonly name: string;
  readonly inputs: readonly tf.Tensor[];
  readonly forward: (inputs: readonly tf.Tensor[]) => tf.Tensor;
  readonly backward: (dy: tf.Tensor2D, inputs: readonly tf.Tensor[]) => readonly tf.Tensor[];
}

const ops = (): Op[] => {
  const rope = ropeTables(Int32Array.of(0, 1, 2, 50, 51, 1000, 131_071), 6, 10_000, 2);
  const rows = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [-1, 6]);
  return [
    {
      name: 'RMSNorm',
      inputs: [two(1), normalTensor([width], 2)],
      forward: ([x, scale]) => norm(x as tf.Tensor2D, scale as tf.Tensor1D, eps).value,
      backward: (dy, [x, scale]) => {
        const { inverse } = norm(x as tf.Tensor2D, scale as tf.Tensor1D, eps);
        const { dx, dScale } = normBackward(dy, x as tf.Tensor2D, inverse, scale as tf.Tensor1D);
        return [dx, dScale];
      },
    },
    {
      name: 'SwiGLU',
      inputs: [two(3), two(4)],
      forward: ([gate, up]) => swiglu(gate as tf.Tensor2D, up as tf.Tensor2D),
      backward: (dy, [gate, up]) => {
        const { dGate, dUp } = swigluBackward(dy, gate as tf.Tensor2D, up as tf.Tensor2D);
        return [dGate, dUp];
      },
    },
    {
      name: 'RoPE',
      inputs: [two(5)],
      forward: ([x]) => tf.reshape(rotate(rows(x!), rope), [tokens, width]),
      backward: (dy) => [tf.reshape(rotateBack(rows(dy), rope), [tokens, width])],
    },
  ];
};

describe.each(TESTED)('on %s', (backend) => {
  beforeAll(() => activate(backend));

  it.each([0, 1, 2])('gradient of operation %i', (which) => {
    tf.tidy(() => {
      const { name, inputs, forward, backward } = ops()[which]!;
      const dy = two(9);
      const gradients = backward(dy, inputs);
      const lossOf = (some: readonly tf.Tensor[]): number => tf.sum(tf.mul(forward(some), dy)).dataSync()[0]!;
      inputs.forEach((input, i) => {
        const direction = normalTensor([...input.shape], 20 + i);
        const moved = (h: number): number =>
          lossOf(inputs.map((other, j) => (j === i ? tf.add(other, tf.mul(direction, h)) : other)));
        const h = 1e-2;
        const seen = (moved(h) - moved(-h)) / (2 * h);
        const foreseen = tf.sum(tf.mul(gradients[i]!, direction)).dataSync()[0]!;
        expect(Math.abs(seen - foreseen), `${name}, input ${i}: ${foreseen}, seen ${seen}`).toBeLessThan(
          5e-3 * Math.max(1, Math.abs(foreseen)),
        );
      });
    });
  });

  it('operations and gradients are those of cpu', async () => {
    const figures = (): Float32Array[] =>
      ops().flatMap(({ inputs, forward, backward }) =>
        [forward(inputs), ...backward(two(9), inputs), columnSums(two(8))].map((x) => x.dataSync() as Float32Array),
      );
    const here = tf.tidy(figures);
    await activate('cpu');
    const there = tf.tidy(figures);
    await activate(backend);
    here.forEach((values, i) =>
      values.forEach((value, j) => expect(Math.abs(value - there[i]![j]!)).toBeLessThan(1e-5 * (1 + Math.abs(value)))),
    );
  });

  it('SwiGLU’s backward pass makes its value again', () => {
    tf.tidy(() => {
      const { inner } = swigluBackward(two(9), two(3), two(4));
      expect(inner.dataSync()).toEqual(swiglu(two(3), two(4)).dataSync());
    });
  });
});
