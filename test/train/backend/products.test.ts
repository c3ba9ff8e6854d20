import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { activate } from '../../../src/train/backend/load.ts';
import { normalTensor } from '../tensors.ts';

beforeAll(async () => {
  await activate('cpu');
  await activate('wasm');
});

/** Batch, m, n, k. The kernel works in tiles of 4 x 8 within blocks of 128 rows, 512 columns and 256 steps. */
const sizes: [number, number, number, number][] = [
  [1, 1, 1, 1],
  [2, 1, 8, 1],
  [1, 4, 8, 9],
  [3, 5, 7, 3],
  [1, 3, 17, 256],
  [1, 131, 9, 257],
  [2, 127, 33, 519],
  [1, 6, 521, 64],
  [1, 133, 1027, 261],
];
const ways = [false, true].flatMap((a) => [false, true].map((b): [boolean, boolean] => [a, b]));
const cases = sizes.flatMap((size) => ways.map((way): [...typeof size, ...typeof way] => [...size, ...way]));

function operands([batch, m, n, k, a, b]: (typeof cases)[number]): [tf.Tensor, tf.Tensor] {
  return [normalTensor([batch, ...(a ? [k, m] : [m, k])], 1), normalTensor([batch, ...(b ? [n, k] : [k, n])], 2)];
}

/** Product and sum rounded to float32 each, over k from first to last. */
function inOrder([batch, m, n, k, a, b]: (typeof cases)[number], x: tf.TypedArray, y: tf.TypedArray): Float32Array {
  const out = new Float32Array(batch * m * n);
  for (let z = 0, at = 0; z < batch; z++)
    for (let row = 0; row < m; row++)
      for (let column = 0; column < n; column++) {
        let sum = 0;
        for (let step = 0; step < k; step++) {
          const left = x[z * m * k + (a ? step * m + row : row * k + step)]!;
          const right = y[z * n * k + (b ? column * k + step : step * n + column)]!;
          sum = Math.fround(sum + Math.fround(left * right));
        }
        out[at++] = sum;
      }
  return out;
}

describe('a product of matrices on wasm', () => {
  it.each(cases)('is summed in order, to the last bit: %i x %i x %i over %i, turned %s, %s', async (...size) => {
    await tf.setBackend('wasm');
    const [x, y] = operands(size);
    const found = tf.matMul(x, y, size[4], size[5]);
    // Compared as bytes: half a million expectations would take seconds.
    const wanted = inOrder(size, x.dataSync(), y.dataSync());
    expect(Buffer.compare(Buffer.from(found.dataSync().buffer), Buffer.from(wanted.buffer))).toBe(0);
    tf.dispose([x, y, found]);
  });

  it.each(ways)('is what cpu finds, over 1,000 steps, turned %s, %s', async (a, b) => {
    const size: (typeof cases)[number] = [2, 70, 45, 1000, a, b];
    const found: Float32Array[] = [];
    for (const backend of ['cpu', 'wasm']) {
      await tf.setBackend(backend);
      found.push(tf.tidy(() => tf.matMul(...operands(size), a, b)).dataSync<'float32'>());
    }
    // Each sums in its own order: sums are 32 in size, of 1,000 roundings by 2^-24 of that.
    const worst = found[0]!.reduce((worst, value, i) => Math.max(worst, Math.abs(value - found[1]![i]!)), 0);
    expect(worst).toBeGreaterThan(0);
    expect(worst).toBeLessThan(32 * 1000 * 2 ** -24);
  });

  it('of nothing is zeros, or nothing', () => {
    const over = tf.matMul(tf.zeros([2, 3, 0]), tf.zeros([2, 0, 4]));
    expect([...over.dataSync()]).toEqual(Array.from({ length: 24 }, () => 0));
    expect(tf.matMul(tf.zeros([0, 3]), tf.zeros([3, 4])).shape).toEqual([0, 4]);
    expect(tf.matMul(tf.zeros([0, 3, 2]), tf.zeros([0, 2, 4])).shape).toEqual([0, 3, 4]);
  });

  it('lets what is not a number stay in its row and column', () => {
    const x = tf.tensor2d([1, NaN, 2, 3, 4, 5, 6, 7, 8, 9], [5, 2]);
    const y = tf.tensor2d([1, 2, Infinity, 3, 4, 5], [2, 3]);
    expect([...tf.matMul(x, y).dataSync()].map(Number.isFinite).flatMap((ok, i) => (ok ? [] : [i]))).toEqual([
      0, 1, 2, 5, 8, 11, 14,
    ]);
  });

  it('follows the heap when it grows', () => {
    const [x, y] = operands([1, 9, 9, 9, false, false]);
    const before = tf.matMul(x, y).dataSync();
    const large = tf.zeros([16, 1024, 1024]);
    large.dataSync();
    const z = tf.add(x, 0);
    expect(tf.matMul(z, y).dataSync()).toEqual(before);
    large.dispose();
  });
});
