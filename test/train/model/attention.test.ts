import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { attention } from '../../../src/train/model/attention.ts';
import { bucketByLength, disposePlan, planAttention } from '../../../src/train/model/attention-plan.ts';
import { activate } from '../../../src/train/backend/load.ts';
import { denseAttention } from './dense-attention.ts';
import { largestDifference, normalTensor } from '../tensors.ts';

describe.each(['cpu', 'wasm'] as const)('attention on %s', (backend) => {
  beforeAll(() => activate(backend));

  // One bucket with padding, groups of one token, an empty group, and a group of several tiles (2 x 2, the last ragged).
  it.each([
    { name: 'short groups', offsets: [0, 5, 6, 6, 10, 23, 26, 39, 40], heads: 2, width: 8 },
    { name: 'one group', offsets: [0, 33], heads: 1, width: 6 },
    // 20 s on cpu; the wasm row covers the code.
    ...(backend === 'cpu'
      ? []
      : [
          { name: 'a group of several tiles', offsets: [0, 7, 1107, 1110], heads: 1, width: 4 },
          { name: 'two of unequal length, the longer of several tiles', offsets: [0, 1100, 2000], heads: 1, width: 4 },
        ]),
  ])('equals dense attention: $name', ({ offsets, heads, width }) => {
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const tokens = offsets.at(-1)!;
      const inputs = [1, 2, 3].map((seed) => normalTensor([tokens, width], seed));
      const dy = normalTensor([tokens, width], 4);
      const plan = planAttention(Int32Array.from(offsets), heads);
      const found = tf.valueAndGrads((...x) => attention(...(x as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D]), plan))(
        inputs,
        dy as tf.Tensor2D,
      );
      const wanted = denseAttention(
        [...inputs, dy].map((x) => x.dataSync()),
        offsets,
        heads,
        width,
      );
      const shaped = wanted.map((values) => tf.tensor2d(values, [tokens, width]));
      [found.value, ...found.grads].forEach((x, i) => expect(largestDifference(x, shaped[i]!)).toBeLessThan(5e-6));
      disposePlan(plan);
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('bucketByLength', () => {
  it('puts groups of like length together, longest first, and leaves out empty ones', () => {
    expect(bucketByLength(Int32Array.of(0, 10, 14, 14, 22, 25), 1)).toEqual([
      [0, 3],
      [1, 4],
    ]);
  });
  it('pads no group that is longer than a tile', () => {
    expect(bucketByLength(Int32Array.of(0, 10, 19, 29, 34, 38), 1, 8)).toEqual([[0, 2], [1], [3, 4]]);
  });
});
