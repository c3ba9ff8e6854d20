import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { activate } from '../../../src/train/backend/load.ts';
import { normalTensor } from '../tensors.ts';

beforeAll(async () => {
  await activate('cpu');
  await activate('wasm');
});

/** Values of `make` on both backends. */
async function onBoth(make: () => tf.Tensor): Promise<{ wasm: tf.TypedArray; cpu: tf.TypedArray; shapes: string[] }> {
  const found: Record<string, { values: tf.TypedArray; shape: string }> = {};
  for (const backend of ['cpu', 'wasm']) {
    await tf.setBackend(backend);
    const before = tf.memory().numTensors;
    const result = tf.tidy(make);
    found[backend] = { values: result.dataSync(), shape: result.shape.join() };
    result.dispose();
    expect(tf.memory().numTensors).toBe(before);
  }
  expect(tf.getBackend()).toBe('wasm');
  return {
    wasm: found['wasm']!.values,
    cpu: found['cpu']!.values,
    shapes: [found['wasm']!.shape, found['cpu']!.shape],
  };
}

const cases: [string, () => tf.Tensor][] = [
  ...[
    [1, 1],
    [3, 2],
  ].flatMap(([batch, heads]) =>
    [false, true].flatMap((a) =>
      [false, true].map((b): [string, () => tf.Tensor] => [
        `matMul ${batch}x${heads} ${a ? 'T' : 'N'}${b ? 'T' : 'N'}`,
        () =>
          tf.matMul(
            normalTensor([batch!, heads!, ...(a ? [9, 17] : [17, 9])], 1),
            normalTensor([batch!, heads!, ...(b ? [11, 9] : [9, 11])], 2),
            a,
            b,
          ),
      ]),
    ),
  ),
  ['matMul 2d TN', () => tf.matMul(normalTensor([33, 8], 1), normalTensor([33, 5], 2), true, false)],
  ['matMul one batch against many', () => tf.matMul(normalTensor([3, 4, 5], 1), normalTensor([1, 5, 2], 2))],
  ['transpose of the last two axes', () => tf.transpose(normalTensor([2, 13, 19], 1), [0, 2, 1])],
  ['transpose of a matrix', () => tf.transpose(normalTensor([8, 16], 1))],
  ['transpose of other axes', () => tf.transpose(normalTensor([3, 4, 5], 1), [1, 0, 2])],
  [
    'transpose of integers',
    () =>
      tf.transpose(
        tf.tensor2d(
          [
            [1, 2, 3],
            [4, 5, 6],
          ],
          [2, 3],
          'int32',
        ),
      ),
  ],
  ['slice of rows', () => tf.slice(normalTensor([9, 4], 1), [3, 0], [5, 4])],
  ['slice of columns', () => tf.slice(normalTensor([9, 4], 1), [2, 1], [3, 2])],
  ['slice in the middle', () => tf.slice(normalTensor([3, 7, 4], 1), [1, 2, 0], [2, 3, 4])],
  ['slice of one', () => tf.slice(normalTensor([3, 2, 4, 2], 1), [1, 1, 1, 1], [1, 1, 2, 1])],
  ['slice to the end', () => tf.slice(normalTensor([7], 1), 2)],
  ['slice of integers', () => tf.slice(tf.range(0, 10, 1, 'int32'), 3, 4)],
  ['slice of nothing', () => tf.slice(normalTensor([4, 4], 1), [2, 0], [0, 4])],
  ['gather of rows', () => tf.gather(normalTensor([5, 3], 1), tf.tensor1d([4, 0, 0, 2], 'int32'))],
  [
    'gather of rows, indices of rank 2',
    () =>
      tf.gather(
        normalTensor([5, 2, 3], 1),
        tf.tensor2d(
          [
            [4, 0],
            [1, 2],
          ],
          [2, 2],
          'int32',
        ),
      ),
  ],
  ['gather of integers', () => tf.gather(tf.range(0, 10, 1, 'int32'), tf.tensor1d([3, 1], 'int32'))],
  ['gather of columns', () => tf.gather(normalTensor([3, 5], 1), tf.tensor1d([4, 0], 'int32'), 1)],
  [
    'unsortedSegmentSum',
    () => tf.unsortedSegmentSum(normalTensor([6, 3], 1), tf.tensor1d([2, 0, 2, 2, 4, 0], 'int32'), 5),
  ],
];

describe('a replaced wasm kernel', () => {
  it.each(cases)('gives what cpu gives: %s', async (_, make) => {
    const { wasm, cpu, shapes } = await onBoth(make);
    expect(shapes[0]).toBe(shapes[1]);
    expect(wasm.length).toBe(cpu.length);
    wasm.forEach((value, i) => expect(value).toBeCloseTo(cpu[i]!, 5));
  });

  it('refuses an index outside the table', () => {
    expect(() => tf.gather(normalTensor([5, 3], 1), tf.tensor1d([5], 'int32'))).toThrow(/row 5/);
  });
});
