import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { activate } from '../../src/train/backend/load.ts';
import { ADAMW, createOptimizer, disposeOptimizer, update } from '../../src/train/optimizer.ts';
import type { ParameterSpec } from '../../src/train/model/parameters.ts';

beforeAll(() => activate('cpu'));

describe('AdamW', () => {
  it.each([
    { kind: 'linear', decay: 0.1 },
    { kind: 'norm', decay: 0 },
    { kind: 'embedding', decay: 0 },
  ] as const)('follows the published update for a $kind weight', ({ kind, decay }) => {
    const spec: ParameterSpec = { name: 'w', kind, shape: [2], start: { kind: 'ones' } };
    const parameters = new Map<string, tf.Tensor>([['w', tf.tensor1d([1, -2])]]);
    const optimizer = createOptimizer([spec]);
    const gradients = [
      [0.3, -0.4],
      [3, 4],
      [0.1, 0],
    ];
    const rates = [0.1, 0.05, 0.02];

    // Algorithm 2 of arXiv 1711.05101 in float64, after clipping the global norm to 1.
    const w = [1, -2];
    const m = [0, 0];
    const v = [0, 0];
    gradients.forEach((raw, n) => {
      const norm = Math.hypot(...raw);
      const rate = rates[n]!;
      raw.forEach((g0, i) => {
        const g = norm > 1 ? g0 / norm : g0;
        m[i] = 0.9 * m[i]! + 0.1 * g;
        v[i] = 0.95 * v[i]! + 0.05 * g * g;
        const mHat = m[i] / (1 - 0.9 ** (n + 1));
        const vHat = v[i] / (1 - 0.95 ** (n + 1));
        w[i] = w[i]! - rate * decay * w[i]! - (rate * mHat) / (Math.sqrt(vHat) + 1e-8);
      });
      const gradient = tf.tensor1d(raw);
      update(optimizer, parameters, new Map([['w', gradient]]), norm, rate);
      gradient.dispose();
    });
    [...parameters.get('w')!.dataSync()].forEach((found, i) => expect(found).toBeCloseTo(w[i]!, 5));
    expect(ADAMW).toMatchObject({ beta1: 0.9, beta2: 0.95, weightDecay: 0.1, clipNorm: 1 });
    disposeOptimizer(optimizer);
    tf.dispose([...parameters.values()]);
  });
});

describe('the average of the weights', () => {
  it('begins as they are after the first update, then moves by the decay, less so in a short run', () => {
    const spec: ParameterSpec = { name: 'w', kind: 'norm', shape: [2], start: { kind: 'ones' } };
    const parameters = new Map<string, tf.Tensor>([['w', tf.tensor1d([1, -2])]]);
    const optimizer = createOptimizer([spec], { ...ADAMW, averageDecay: 0.4 });
    const before = tf.memory().numTensors;
    let expected: number[] = [];
    for (let n = 1; n <= 8; n++) {
      const gradient = tf.tensor1d([Math.sin(n), Math.cos(3 * n)]);
      update(optimizer, parameters, new Map([['w', gradient]]), 1, 0.1);
      gradient.dispose();
      const weights = [...parameters.get('w')!.dataSync()];
      // (1 + n) / (10 + n) is below 0.4 until n = 5, where it is 0.4.
      const decay = n === 1 ? 0 : Math.min(0.4, (1 + n) / (10 + n));
      expected = weights.map((weight, i) => decay * (expected[i] ?? 0) + (1 - decay) * weight);
      [...optimizer.average.get('w')!.dataSync()].forEach((found, i) => expect(found).toBeCloseTo(expected[i]!, 5));
    }
    // One more than there were: the average.
    expect(tf.memory().numTensors).toBe(before + 1);
    disposeOptimizer(optimizer);
    tf.dispose([...parameters.values()]);
  });
});

describe('clipping', () => {
  it('is off with a norm of 0, and by another norm as asked', () => {
    const weightAfter = (clipNorm: number): number => {
      const spec: ParameterSpec = { name: 'w', kind: 'norm', shape: [], start: { kind: 'ones' } };
      const parameters = new Map<string, tf.Tensor>([['w', tf.scalar(0)]]);
      const optimizer = createOptimizer([spec], { ...ADAMW, clipNorm });
      const gradient = tf.scalar(8);
      update(optimizer, parameters, new Map([['w', gradient]]), 8, 0.1);
      const first = optimizer.first.get('w')!.dataSync()[0]!;
      disposeOptimizer(optimizer);
      tf.dispose([gradient, ...parameters.values()]);
      return first;
    };
    // A tenth of the gradient that was let through.
    expect([0, 2, 16].map(weightAfter).map((value) => Number(value.toFixed(6)))).toEqual([0.8, 0.2, 0.8]);
  });
});
