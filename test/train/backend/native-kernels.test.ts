import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { activate } from '../../../src/train/backend/load.ts';
import { isInstalled } from '../../../src/train/backend/native.ts';
import { globalNorm } from '../../../src/train/gradient-norm.ts';
import { fused, type FusedName, nothing } from '../../../src/train/model/fused.ts';
import { rowDots, rowsAt, scoresGradient } from '../../../src/train/model/attention.ts';
import { norm, normBackward, normed, softmax, swiglu, swigluBackward } from '../../../src/train/model/layers.ts';
import { createOptimizer, update } from '../../../src/train/optimizer.ts';
import { rotate, rotateBack, ropeTables } from '../../../src/train/model/rope.ts';
import { normalTensor } from '../tensors.ts';

/** [rows, columns]: one, odd, no multiple of a vector, several blocks of 65,536 elements. */
const SIZES: [number, number][] = [[1, 1], [7, 3], [5, 33], [130, 514], [1, 70_001], [0, 8]]; // prettier-ignore

type Case = (rows: number, columns: number) => readonly tf.Tensor[];
const x = (rows: number, columns: number, seed: number): tf.Tensor2D =>
  normalTensor([rows, columns], seed) as tf.Tensor2D;
const line = (columns: number, seed: number): tf.Tensor1D => normalTensor([columns], seed) as tf.Tensor1D;

/** Each operation through the function of the model that uses it, by what it makes. */
const CASES: Record<FusedName, Case> = {
  UltraprepNorm: (r, c) => Object.values(norm(x(r, c, 1), line(c, 2), 1e-5)),
  UltraprepNormed: (r, c) => [normed(x(r, c, 1), x(r, 1, 2), line(c, 3))],
  UltraprepNormGrad: (r, c) => {
    const [dy, input, scale, more] = [x(r, c, 1), x(r, c, 2), line(c, 3), x(r, c, 4)];
    const { inverse } = norm(input, scale, 1e-5);
    return [null, more].flatMap((some) => Object.values(normBackward(dy, input, inverse, scale, some)));
  },
  UltraprepSwiglu: (r, c) => [swiglu(tf.mul(x(r, c, 1), 20), x(r, c, 2))],
  UltraprepSwigluGrad: (r, c) => Object.values(swigluBackward(x(r, c, 1), tf.mul(x(r, c, 2), 20), x(r, c, 3))),
  UltraprepRotate: (r, c) => {
    const width = 2 * Math.min(c, 65);
    const positions = Int32Array.from({ length: r }, (_, i) => i * 1000);
    const rope = ropeTables(positions, width, 10_000, 3);
    return [rotate(x(3 * r, width, 1), rope), rotateBack(x(3 * r, width, 2), rope)];
  },
  UltraprepSoftmax: (r, c) => {
    const scores = tf.reshape<tf.Rank.R3>(tf.mul(x(2 * r, c, 1), 10), [2, r, c]);
    const biases = [[1, r, c], [2, 1, c], [2, r, 1], [1, 1, 1]].map((shape, i) => normalTensor(shape, i)); // prettier-ignore
    return [softmax(x(r, c, 3)), ...[null, ...biases].map((bias) => softmax(scores, bias as tf.Tensor3D | null))];
  },
  UltraprepScoresGrad: (r, c) => {
    const [p, dp, delta] = [x(2 * r, c, 1), x(2 * r, c, 2), x(2 * r, 1, 3)];
    const three = (tensor: tf.Tensor): tf.Tensor3D => tf.reshape(tensor, [2, r, -1]);
    return r === 0 ? [] : [scoresGradient(three(p), three(dp), three(delta))];
  },
  UltraprepRows: (r, c) => {
    const which = Int32Array.from({ length: 2 * r }, (_, i) => (i * 7) % Math.max(1, r));
    return [rowsAt(x(r, c, 1), tf.tensor1d(which, 'int32')), rowsAt(x(r, c, 1), tf.tensor2d(which, [2, r], 'int32'))];
  },
  UltraprepRowDots: (r, c) => [rowDots(x(r, c, 1), x(r, c, 2))],
  UltraprepSumOfSquares: (r, c) => [globalNorm([x(r, c, 1), x(c, r, 2)])],
  UltraprepAdamW: (r, c) => {
    const parameters = new Map<string, tf.Tensor>([['a', x(r, c, 1)], ['b', line(c, 2)]]); // prettier-ignore
    const optimizer = createOptimizer([
      { name: 'a', shape: [r, c], kind: 'linear', start: { kind: 'ones' } },
      { name: 'b', shape: [c], kind: 'norm', start: { kind: 'ones' } },
    ]);
    for (const seed of [3, 4, 5])
      update(optimizer, parameters, new Map<string, tf.Tensor>([['a', x(r, c, seed)], ['b', line(c, seed)]]), 3, 0.1); // prettier-ignore
    return [parameters, optimizer.first, optimizer.second].flatMap((map) => [...map.values()]);
  },
};

const values = (tensors: readonly tf.Tensor[]): Float32Array[] => tensors.map((tensor) => tensor.dataSync<'float32'>());

describe.skipIf(!isInstalled('tfjs-node'))('operations of the addon', () => {
  beforeAll(async () => {
    await activate('tfjs-node');
  });

  it('are there, as `train setup` built it', () => {
    for (const name of Object.keys(CASES)) expect(tf.getKernel(name, 'tensorflow'), name).toBeDefined();
  });

  it.each(Object.entries(CASES))('%s equals what it is composed of', async (_, make) => {
    for (const [rows, columns] of SIZES) {
      await activate('tfjs-node');
      const made = values(make(rows, columns));
      await activate('cpu');
      const expected = values(make(rows, columns));
      expect(made.length).toBe(expected.length);
      made.forEach((some, i) => {
        expect(some.length).toBe(expected[i]!.length);
        // Sums of 70,000 products in float32, in another order.
        const scale = Math.max(1, ...expected[i]!.slice(0, 1000).map(Math.abs));
        let apart = 0;
        for (let j = 0; j < some.length; j++) apart = Math.max(apart, Math.abs(some[j]! - expected[i]![j]!));
        expect(apart / scale, `${rows} x ${columns}, result ${i}`).toBeLessThan(1e-5);
      });
    }
  });

  it('the same bits each time, whatever thread does which part', async () => {
    await activate('tfjs-node');
    const tensors = [x(1000, 257, 1), x(1000, 257, 2), x(1000, 1, 3), line(257, 4), nothing()];
    const bits = (): string => {
      const made = values(fused('UltraprepNormGrad', tensors, () => []));
      return made.map((some) => createHash('sha256').update(some).digest('hex')).join();
    };
    const first = bits();
    for (let i = 0; i < 20; i++) expect(bits()).toBe(first);
  });

  it('not a number stays not a number, and infinity is none', async () => {
    await activate('tfjs-node');
    const odd = tf.tensor2d([Number.NaN, 1, 2, 3], [2, 2]);
    expect([...softmax(odd).dataSync()].map(Number.isNaN)).toEqual([true, true, false, false]);
    expect([...swiglu(odd, tf.onesLike(odd)).dataSync()].map(Number.isNaN)).toEqual([true, false, false, false]);
    for (const infinite of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const row = tf.tensor2d([infinite, infinite], [1, 2]);
      expect([...softmax(row).dataSync()].map(Number.isNaN)).toEqual([true, true]);
    }
    const hidden = tf.tensor2d([3, -1e9, 4], [1, 3]);
    expect(softmax(hidden).dataSync()[1]).toBe(0);
  });

  it('refuse tensors that do not fit', async () => {
    await activate('tfjs-node');
    const call = (name: FusedName, inputs: tf.Tensor[]) => () => fused(name, inputs, () => []);
    expect(call('UltraprepSwiglu', [tf.zeros([2, 3]), tf.zeros([2, 4])])).toThrow('UltraprepSwiglu: sizes differ');
    expect(call('UltraprepSoftmax', [tf.zeros([2, 3, 4]), tf.zeros([2, 2, 4])])).toThrow('does not fit');
    for (const row of [-1, 2])
      expect(call('UltraprepRows', [tf.zeros([2, 3]), tf.tensor1d([row], 'int32')])).toThrow('no such row');
    expect(call('UltraprepNormed', [tf.zeros([2, 3]), tf.zeros([2, 1]), nothing()])).toThrow('sizes differ');
  });
});
