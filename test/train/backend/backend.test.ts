import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';

import { chooseBackend } from '../../../src/train/backend/backend.ts';
import { activate, BACKENDS } from '../../../src/train/backend/load.ts';
import { initialParameters } from '../../../src/train/model/parameters.ts';
import { ropeTables, rotate } from '../../../src/train/model/rope.ts';
import { TINY } from '../fixtures.ts';

describe('chooseBackend', () => {
  it('takes the first that passes, and says why not the ones before it', async () => {
    const { name, candidates } = await chooseBackend();
    expect(BACKENDS.filter((name) => name !== 'webgpu').slice(0, candidates.length)).toEqual(
      candidates.map((candidate) => candidate.name),
    );
    expect(candidates.at(-1)).toMatchObject({ name, accepted: true });
    for (const { accepted, reason } of candidates.slice(0, -1)) {
      expect(accepted).toBe(false);
      expect(reason).toMatch(/not installed|does not load|self-check/);
    }
  });
  it('takes the one asked for and leaves it active', async () => {
    expect((await chooseBackend('cpu')).name).toBe('cpu');
    expect(tf.getBackend()).toBe('cpu');
    expect((await chooseBackend('wasm')).name).toBe('wasm');
    expect(tf.getBackend()).toBe('wasm');
  });
  it('refuses an unknown name, with a code', async () => {
    await expect(chooseBackend('webgl')).rejects.toMatchObject({ code: 'USAGE' });
  });
});

describe('the first weights', () => {
  it('depend on the seed only, and have the deviation asked for', async () => {
    await activate('cpu');
    const config = { ...TINY, vocabSize: 2000 };
    const name = 'model.transformer.wte.weight';
    const [a, b, c] = [1, 1, 2].map((seed) => initialParameters(config, seed).get(name)!.dataSync() as Float32Array);
    expect(b).toEqual(a);
    expect(c).not.toEqual(a);
    const mean = a!.reduce((sum, x) => sum + x, 0) / a!.length;
    const variance = a!.reduce((sum, x) => sum + (x - mean) ** 2, 0) / a!.length;
    expect(mean).toBeCloseTo(0, 1);
    expect(Math.sqrt(variance)).toBeCloseTo(0.5, 1);
  });
});

describe('rotate', () => {
  it('turns each pair (i, i + half) of a head by position x theta^(-i / half)', () => {
    // Two tokens at positions 0 and 3, one head of width 4.
    const rope = ropeTables(Int32Array.of(0, 3), 4, 100, 1);
    const found = rotate(
      tf.tensor2d([
        [1, 2, 3, 4],
        [1, 2, 3, 4],
      ]),
      rope,
    ).arraySync();
    const [a, b] = [3, 3 * 100 ** -0.5];
    expect(found[0]).toEqual([1, 2, 3, 4]);
    [
      Math.cos(a) - 3 * Math.sin(a),
      2 * Math.cos(b) - 4 * Math.sin(b),
      3 * Math.cos(a) + Math.sin(a),
      4 * Math.cos(b) + 2 * Math.sin(b),
    ].forEach((wanted, i) => expect(found[1]![i]).toBeCloseTo(wanted, 5));
  });
});
