import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { attend, attendBackward } from '../../../src/train/model/attention.ts';
import {
  type AttentionPlan,
  bucketByLength,
  disposePlan,
  planAttention,
} from '../../../src/train/model/attention-plan.ts';
import { TESTED } from '../../support/backends.ts';
import { activate } from '../../../src/train/backend/load.ts';
import { denseMask, type Policy } from '../../../src/mask/index.ts';
import { denseAttention } from './dense-attention.ts';
import { largestDifference, normalTensor } from '../tensors.ts';

const groupIn = (offsets: readonly number[], token: number): number => offsets.findLastIndex((start) => start <= token);

/** Result and gradients of queries, keys and values, as the definition has them: the scale is a part of it. */
function attentionOf(
  [q, k, v]: readonly [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D],
  dy: tf.Tensor2D,
  plan: AttentionPlan,
  keepScores: boolean,
): tf.Tensor2D[] {
  const scale = Math.sqrt(plan.heads / q.shape[1]);
  const rows = (x: tf.Tensor): tf.Tensor2D => tf.reshape(x, [-1, q.shape[1] / plan.heads]);
  const { value, kept } = attend(rows(tf.concat2d([tf.mul(q, scale), k], 1)), rows(v), plan, keepScores);
  const { dqk, dv } = attendBackward(dy, value, kept, plan);
  const [dq, dk] = tf.split(tf.reshape(dqk, [q.shape[0], -1]), 2, 1) as [tf.Tensor2D, tf.Tensor2D];
  return [value, tf.mul(dq, scale), dk, tf.reshape(dv, v.shape)];
}

describe.each(TESTED)('attention on %s', (backend) => {
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
  ])('equals dense attention: $name', ({ name, offsets, heads, width }) => {
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const tokens = offsets.at(-1)!;
      const inputs = [1, 2, 3].map((seed) => normalTensor([tokens, width], seed));
      const dy = normalTensor([tokens, width], 4);
      const plan = planAttention(Int32Array.from(offsets), heads);
      const found = attentionOf(
        inputs as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D],
        dy as tf.Tensor2D,
        plan,
        name === 'short groups',
      );
      const wanted = denseAttention(
        [...inputs, dy].map((x) => x.dataSync()),
        (i, j) => groupIn(offsets, i) === groupIn(offsets, j),
        heads,
        width,
      );
      const shaped = wanted.map((values) => tf.tensor2d(values, [tokens, width]));
      found.forEach((x, i) => expect(largestDifference(x, shaped[i]!)).toBeLessThan(5e-6));
      disposePlan(plan);
    });
    expect(tf.memory().numTensors).toBe(before);
  });
});

/** The mask stage's own dense mask, as a slab lays its rows out: group by group, each with its clean half behind it. */
function storedMask(lengths: readonly number[], policy: Policy, block: number): (i: number, j: number) => boolean {
  const offsets = [0];
  for (const length of lengths) offsets.push(offsets.at(-1)! + length);
  const dense = denseMask({ cuSeqlens: Int32Array.from(offsets), policy }, block);
  const side = Math.sqrt(dense.length);
  const rows = lengths.flatMap((length, g) => {
    const own = Array.from({ length }, (_, i) => offsets[g]! + i);
    return policy === 'block-diffusion' ? [...own, ...own.map((row) => row + offsets.at(-1)!)] : own;
  });
  return (i, j) => dense[rows[i]! * side + rows[j]!] === 1;
}

describe.each([
  ['document-causal', { kind: 'causal' }, 1],
  ['block-diffusion', { kind: 'block-diffusion', block: 3 }, 2],
  ['block-diffusion', { kind: 'block-diffusion', block: 8 }, 2],
] as const)('under %s, %j', (policy, rule, times) => {
  beforeAll(() => activate('cpu'));

  // Tiles of 6 rows: groups of one tile, of several, the last ragged, and of one token.
  it.each([1000, 6])('attention is by the stored mask, in tiles of %i', (tile) => {
    const lengths = [5, 13, 1, 12, 5, 4];
    const block = rule.kind === 'block-diffusion' ? rule.block : 1;
    const offsets = [0];
    for (const length of lengths) offsets.push(offsets.at(-1)! + times * length);
    const [tokens, heads, width] = [offsets.at(-1)!, 2, 8];
    tf.tidy(() => {
      const [q, k, v, dy] = [1, 2, 3, 4].map((seed) => normalTensor([tokens, width], seed) as tf.Tensor2D);
      const rules = lengths.map(() => rule);
      const plan = planAttention(Int32Array.from(offsets), heads, rules, tile);
      const found = attentionOf([q!, k!, v!], dy!, plan, tile === 1000);
      const operands = [q!, k!, v!, dy!].map((x) => x.dataSync());
      const wanted = denseAttention(operands, storedMask(lengths, policy, block), heads, width);
      found.forEach((x, i) =>
        expect(largestDifference(x, tf.tensor2d(wanted[i]!, [tokens, width]))).toBeLessThan(5e-6),
      );
      disposePlan(plan);
    });
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
    expect(bucketByLength(Int32Array.of(0, 10, 19, 29, 34, 38), 1, [], 8)).toEqual([[0, 2], [1], [3, 4]]);
  });
});
