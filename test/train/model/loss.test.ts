import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { DEFAULT_FORM } from '../../../src/core/noise.ts';
import { Masker } from '../../../src/noise/index.ts';
import { BIDIRECTIONAL } from '../../../src/train/model/attention-rule.ts';
import { TESTED } from '../../support/backends.ts';
import { activate } from '../../../src/train/backend/load.ts';
import { lossAndGradients, slabCrossEntropies, weightedCrossEntropy } from '../../../src/train/model/loss.ts';
import { disposeParameters, initialParameters, type Parameters } from '../../../src/train/model/parameters.ts';
import type { NoiseRow } from '../../../src/shard/index.ts';
import type { ModelConfig } from '../../../src/train/model/presets.ts';
import { layOut, type Slab } from '../../../src/train/slab.ts';
import { TINY, windowOf } from '../fixtures.ts';
import { largestDifference, normalTensor } from '../tensors.ts';

const slab: Slab = {
  ids: Int32Array.of(4, 9, 9, 2, 9),
  positions: Int32Array.of(0, 1, 2, 3, 4),
  groupOffsets: Int32Array.of(0, 5),
  masked: Int32Array.of(1, 2, 4),
  targets: Int32Array.of(3, 0, 3),
  weights: Float32Array.of(2, 2, 1.25),
};

/** Weighted sum of a slab's cross-entropies. */
const slabLoss = async (slab: Slab, parameters: Parameters, config: ModelConfig): Promise<number> =>
  (await slabCrossEntropies(slab, parameters, config)).reduce((sum, nats, i) => sum + nats * slab.weights[i]!, 0);

const masker = new Masker(DEFAULT_FORM, 0, 8);

/** Units of one token each: masked surely (1) or never (0). */
const noise = (p: number[], weight: number[]): NoiseRow => ({
  window: 0,
  unitLengths: new Int32Array(p.length).fill(1),
  p: Float32Array.from(p),
  weight: Float32Array.from(weight),
  key: [0, 0],
  contextWeight: null,
});

describe('layOut', () => {
  it('never masks a prompt', () => {
    const record = windowOf(
      [
        [5, 6, 7],
        [1, 2],
      ],
      8,
    );
    const segments = record.segments.map((segment, i) => ({ ...segment, promptTokens: i === 0 ? 2 : 1 }));
    const all = noise([1, 1, 1, 1, 1], [1, 1, 1, 1, 1]);
    const { ids, masked, targets } = layOut([{ record: { ...record, segments }, noise: all }], 9, masker);
    expect([...ids]).toEqual([5, 6, 9, 1, 9]);
    expect([...masked]).toEqual([2, 4]);
    expect([...targets]).toEqual([7, 2]);
  });
  it('joins windows: mask ids at masked positions, positions from 0 again, groups without the padding', () => {
    const a = windowOf([[5, 6], [7]], 4);
    const b = windowOf([[1, 2, 3]], 4);
    const found = layOut(
      [
        { record: a, noise: noise([0, 1, 0], [2, 4, 4]) },
        { record: b, noise: noise([0, 1, 0], [8, 8, 8]) },
      ],
      9,
      masker,
    );
    expect(found).toEqual({
      ids: Int32Array.of(5, 9, 7, 1, 9, 3),
      positions: Int32Array.of(0, 1, 2, 0, 1, 2),
      groupOffsets: Int32Array.of(0, 2, 3, 6),
      rules: [BIDIRECTIONAL, BIDIRECTIONAL, BIDIRECTIONAL],
      masked: Int32Array.of(1, 4),
      targets: Int32Array.of(6, 2),
      weights: Float32Array.of(4, 8),
      p: Float32Array.of(1, 1),
    });
  });
});

describe.each(TESTED)('loss on %s', (backend) => {
  beforeAll(() => activate(backend));

  it('is the sum of weight x cross-entropy over masked tokens / all tokens, with its gradients', () => {
    tf.tidy(() => {
      const [tokens, width, vocabulary, batchTokens] = [5, 3, 7, 11];
      const hidden = normalTensor([tokens, width], 1) as tf.Tensor2D;
      const head = normalTensor([vocabulary, width], 2) as tf.Tensor2D;
      const found = weightedCrossEntropy(hidden, head, slab, batchTokens);
      // By the formula, in float64: d(CE)/d(logits) = softmax - one-hot.
      const [h, w] = [hidden.arraySync(), head.arraySync()];
      let loss = 0;
      const dHidden = h.map((row) => row.map(() => 0));
      const dHead = w.map((row) => row.map(() => 0));
      slab.masked.forEach((token, i) => {
        const logits = w.map((row) => row.reduce((sum, x, j) => sum + x * h[token]![j]!, 0));
        const total = logits.reduce((sum, logit) => sum + Math.exp(logit), 0);
        const weight = slab.weights[i]! / batchTokens;
        loss += weight * (Math.log(total) - logits[slab.targets[i]!]!);
        logits.forEach((logit, v) => {
          const d = weight * (Math.exp(logit) / total - (v === slab.targets[i] ? 1 : 0));
          for (let j = 0; j < width; j++) {
            dHidden[token]![j]! += d * w[v]![j]!;
            dHead[v]![j]! += d * h[token]![j]!;
          }
        });
      });
      expect(found.loss.dataSync()[0]).toBeCloseTo(loss, 5);
      expect(largestDifference(found.dHidden, tf.tensor2d(dHidden))).toBeLessThan(1e-6);
      expect(largestDifference(found.dHead, tf.tensor2d(dHead))).toBeLessThan(1e-6);
    });
  });

  // 0.3 GB of logits: too slow on cpu.
  it.skipIf(backend === 'cpu')('is the same in pieces', () => {
    // 8.4 M logits of 2^21 ids a row: pieces of four rows.
    const vocabulary = 2 ** 21;
    tf.tidy(() => {
      const hidden = normalTensor([5, 1], 1) as tf.Tensor2D;
      const head = tf.tile(normalTensor([8, 1], 2), [vocabulary / 8, 1]) as tf.Tensor2D;
      const many: Slab = {
        ...slab,
        masked: Int32Array.of(0, 1, 2, 3, 4),
        targets: Int32Array.of(1, 2, 3, 4, 5),
        weights: new Float32Array(5).fill(1),
      };
      const found = weightedCrossEntropy(hidden, head, many, 1);
      const [h, w] = [hidden.dataSync(), head.dataSync()];
      const expected = [...h].reduce((sum, x, i) => {
        const logits = [...w.subarray(0, 8)].map((y) => x * y);
        return (
          sum + Math.log((logits.reduce((s, l) => s + Math.exp(l), 0) * vocabulary) / 8) - logits[many.targets[i]!]!
        );
      }, 0);
      expect(found.loss.dataSync()[0]).toBeCloseTo(expected, 2);
    });
  });

  it.skipIf(backend === 'cpu')('is the same in pieces without gradients', async () => {
    // 1,200 masked tokens at 8,192 ids: pieces of 1,024 and of 176.
    const config = { ...TINY, vocabSize: 8192 };
    const parameters = initialParameters(config, 3);
    const part = (from: number, to: number): Slab => ({
      ids: new Int32Array(to - from).fill(9),
      positions: Int32Array.from({ length: to - from }, (_, i) => i % 10),
      groupOffsets: Int32Array.from({ length: (to - from) / 10 + 1 }, (_, i) => 10 * i),
      masked: Int32Array.from({ length: to - from }, (_, i) => i),
      targets: Int32Array.from({ length: to - from }, (_, i) => (7 * (from + i)) % 8192),
      weights: Float32Array.from({ length: to - from }, (_, i) => 1 + ((from + i) % 3)),
    });
    const whole = await slabLoss(part(0, 1200), parameters, config);
    expect(
      whole /
        ((await slabLoss(part(0, 600), parameters, config)) + (await slabLoss(part(600, 1200), parameters, config))),
    ).toBeCloseTo(1, 5);
    disposeParameters(parameters);
  });

  it('equals the evaluation loss, and leaves no tensor behind', async () => {
    const parameters = initialParameters(TINY, 3);
    const before = tf.memory().numTensors;
    const trained = lossAndGradients(slab, parameters, TINY, 5);
    const evaluated = (await slabLoss(slab, parameters, TINY)) / 5;
    expect(evaluated).toBeCloseTo(trained.loss.dataSync()[0]!, 5);
    const alone = await slabCrossEntropies(slab, parameters, TINY);
    const inTraining = trained.crossEntropies.dataSync();
    expect(inTraining).toHaveLength(3);
    inTraining.forEach((nats, i) => expect(nats).toBeCloseTo(alone[i]!, 5));
    tf.dispose([trained.loss, trained.crossEntropies, ...trained.gradients.values()]);
    expect(tf.memory().numTensors).toBe(before);
    disposeParameters(parameters);
  });

  it('has the gradient that finite differences show, for every kind of weight', async () => {
    const parameters = initialParameters(TINY, 3);
    const { loss, crossEntropies, gradients } = lossAndGradients(slab, parameters, TINY, 5);
    tf.dispose([loss, crossEntropies]);
    for (const [name, gradient] of gradients) {
      // Along the gradient's own direction the loss rises by its norm.
      const norm = Math.sqrt(tf.tidy(() => tf.sum(tf.square(gradient)).dataSync()[0]!));
      const weight = parameters.get(name)!;
      const at = async (distance: number): Promise<number> => {
        const moved = tf.tidy(() => tf.add(weight, tf.mul(gradient, distance / norm)));
        const value = (await slabLoss(slab, new Map([...parameters, [name, moved]]), TINY)) / 5;
        moved.dispose();
        return value;
      };
      const h = 1e-2;
      expect(Math.abs(((await at(h)) - (await at(-h))) / (2 * h) / norm - 1), `${name}, norm ${norm}`).toBeLessThan(
        0.01,
      );
    }
    tf.dispose([...gradients.values()]);
    disposeParameters(parameters);
  });
});
