import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { activate } from '../../../src/train/backend/load.ts';
import { lossAndGradients } from '../../../src/train/model/loss.ts';
import { activationBytes, backwardPass, disposePlaced, forwardPass, place } from '../../../src/train/model/model.ts';
import { disposeParameters, initialParameters } from '../../../src/train/model/parameters.ts';
import { type Slab, slabParts } from '../../../src/train/slab.ts';
import { TINY } from '../fixtures.ts';
import { normalTensor } from '../tensors.ts';

/** 40 tokens in groups of 7, 13, 1, 12 and 7, of different rules; every third is masked. */
const masked = Int32Array.from({ length: 13 }, (_, i) => 3 * i + 1);
const SLAB: Slab = {
  ids: Int32Array.from({ length: 40 }, (_, i) => (i % 3 === 1 ? 9 : (i * 5) % 9)),
  positions: Int32Array.from({ length: 40 }, (_, i) => i),
  groupOffsets: Int32Array.of(0, 7, 20, 21, 33, 40),
  rules: [
    { kind: 'bidirectional' },
    { kind: 'causal' },
    { kind: 'bidirectional' },
    { kind: 'block-diffusion', block: 2 },
    { kind: 'causal' },
  ],
  masked,
  targets: masked.map((at) => (at * 7) % 9),
  weights: Float32Array.from(masked, (at) => 1 + (at % 4)),
};

beforeAll(() => activate('wasm'));

describe('a pass', () => {
  it('that makes its activations again has the same gradients to the last bit, and frees all it made', () => {
    const parameters = initialParameters(TINY, 1);
    const placed = place(SLAB, TINY);
    const before = tf.memory().numTensors;
    // All, all but the scores, inputs alone.
    const [kept, without, again] = [Infinity, 40 * activationBytes(TINY), 0].map((keepBytes) => {
      const pass = forwardPass(placed, parameters, TINY, keepBytes);
      expect(pass.kept.every((block) => (block === null) === (keepBytes === 0))).toBe(true);
      const scores = pass.kept.flatMap((block) => block?.attention.map(({ p }) => p !== null) ?? []);
      expect(scores.every((there) => there === (keepBytes === Infinity))).toBe(true);
      const gradients = backwardPass(normalTensor([40, TINY.dModel], 2) as tf.Tensor2D, pass);
      const found = [...gradients].map(([name, tensor]) => [name, [...tensor.dataSync()]]);
      tf.dispose([...gradients.values()]);
      return found;
    });
    expect(again).toEqual(kept);
    expect(without).toEqual(kept);
    expect(tf.memory().numTensors).toBe(before);
    disposePlaced(placed);
    disposeParameters(parameters);
  });
});

describe('slabParts', () => {
  it('cuts between groups, as many to a part as fit, a longer group by itself', () => {
    const parts = [...slabParts(SLAB, 13)];
    expect(parts.map(({ ids }) => ids.length)).toEqual([7, 13, 13, 7]);
    expect(parts[2]!.groupOffsets).toEqual(Int32Array.of(0, 1, 13));
    expect(parts[2]!.rules).toEqual(SLAB.rules!.slice(2, 4));
    expect([...slabParts(SLAB, 1)].map(({ ids }) => ids.length)).toEqual([7, 13, 1, 12, 7]);
    const [whole] = [...slabParts(SLAB, 40)];
    expect(whole).toEqual(SLAB);
    // Every masked token is in one part, at its own place there.
    let [from, at] = [0, 0];
    for (const part of parts) {
      for (const [i, place] of part.masked.entries()) {
        expect(from + place).toBe(masked[at]);
        expect([part.targets[i], part.weights[i], part.ids[place]]).toEqual([SLAB.targets[at], SLAB.weights[at], 9]);
        at++;
      }
      from += part.ids.length;
    }
    expect(at).toBe(masked.length);
  });

  it('teach the same, one after the other, as the whole', () => {
    const parameters = initialParameters(TINY, 1);
    const whole = lossAndGradients(SLAB, parameters, TINY, 40);
    const parts = [...slabParts(SLAB, 8)].map((part) => lossAndGradients(part, parameters, TINY, 40));
    const loss = parts.reduce((sum, part) => sum + part.loss.dataSync()[0]!, 0);
    expect(loss).toBeCloseTo(whole.loss.dataSync()[0]!, 5);
    for (const [name, gradient] of whole.gradients)
      gradient
        .dataSync()
        .forEach((value, i) =>
          expect(parts.reduce((sum, part) => sum + part.gradients.get(name)!.dataSync()[i]!, 0)).toBeCloseTo(value, 5),
        );
    for (const lesson of [whole, ...parts])
      tf.dispose([lesson.loss, lesson.crossEntropies, ...lesson.gradients.values()]);
    disposeParameters(parameters);
  });
});
