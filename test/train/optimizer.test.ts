import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { activate } from '../../src/train/backend/load.ts';
import { ADAMW, createOptimizer, disposeOptimizer, learningRateAt, update } from '../../src/train/optimizer.ts';
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

describe('learningRateAt', () => {
  const schedule = { peak: 1, warmup: 4, shape: 'cosine', floor: 0.1 } as const;
  it('rises, then falls along a cosine to the floor', () => {
    expect([0, 1, 3].map((step) => learningRateAt(schedule, step, 0))).toEqual([0.25, 0.5, 1]);
    expect(learningRateAt(schedule, 50, 0.5)).toBeCloseTo(0.55, 12);
    expect(learningRateAt(schedule, 100, 1)).toBeCloseTo(0.1, 12);
  });
  it('stays at the peak when constant', () =>
    expect(learningRateAt({ ...schedule, shape: 'constant' }, 100, 0.9)).toBe(1));
});
