import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { activate } from '../../src/train/backend/load.ts';
import { disposePlaced, hiddenRows, place, type TokenRow } from '../../src/train/model/model.ts';
import { disposeParameters, initialParameters, type Parameters } from '../../src/train/model/parameters.ts';
import { TESTED } from '../support/backends.ts';
import { lossAndGradients } from '../../src/train/model/loss.ts';
import type { Slab } from '../../src/train/slab.ts';
import { TINY } from './fixtures.ts';

const row = (ids: number[], groups: number[], positions = ids.map((_, i) => i)): TokenRow => ({
  ids: Int32Array.from(ids),
  positions: Int32Array.from(positions),
  groupOffsets: Int32Array.from(groups),
});

describe.each(TESTED)('documents in one window on %s', (backend) => {
  let parameters: Parameters;
  beforeAll(async () => {
    await activate(backend);
    parameters = initialParameters(TINY, 1);
    return () => disposeParameters(parameters);
  });
  const hidden = (tokens: TokenRow): Float32Array => {
    const placed = place(tokens, TINY);
    const rows = tf.tidy(() => hiddenRows(placed, parameters, TINY));
    disposePlaced(placed);
    const values = rows.dataSync() as Float32Array;
    rows.dispose();
    return values;
  };
  const a = [1, 2, 9, 4, 5];
  const perturbed = [8, 2, 9, 4, 1];
  const b = [3, 9, 3, 7];
  const ofB = (values: Float32Array): Float32Array => values.subarray(a.length * TINY.dModel);

  it('do not see each other under adaptive: B is bit-identical whatever A is', () => {
    const groups = [0, 5, 9];
    expect(ofB(hidden(row([...perturbed, ...b], groups)))).toEqual(ofB(hidden(row([...a, ...b], groups))));
  });
  // Too slow on cpu.
  it.skipIf(backend === 'cpu')('do not see each other where one is longer than a tile of attention', () => {
    const long = (tokens: number, step: number): number[] => Array.from({ length: tokens }, (_, i) => (i * step) % 9);
    const [a, b] = [long(1100, 5), long(900, 7)];
    const ofB = (first: number): Float32Array =>
      hidden(row([first, ...a.slice(1), ...b], [0, 1100, 2000])).subarray(1100 * TINY.dModel);
    expect(ofB(8)).toEqual(ofB(0));
  });
  it('see each other under direct (so the test above can fail)', () => {
    const groups = [0, 9];
    expect(ofB(hidden(row([...perturbed, ...b], groups)))).not.toEqual(ofB(hidden(row([...a, ...b], groups))));
  });
  it('give what they give alone, positions counted from anywhere', () => {
    const packed = ofB(hidden(row([...a, ...b], [0, 5, 9])));
    const alone = hidden(row(b, [0, 4]));
    packed.forEach((value, i) => expect(value).toBeCloseTo(alone[i]!, 5));
  });

  /** A and B in one window; only B's tokens are in the loss unless `of` says otherwise. */
  const slab = (first: readonly number[], groups: readonly number[], of: 'b' | 'both' = 'b'): Slab => {
    const masked = [1, 3, 6, 8].filter((at) => of === 'both' || at >= a.length);
    const targets = masked.map((at) => (at * 3) % 9);
    return {
      ...row([...first, ...b], [...groups]),
      masked: Int32Array.from(masked),
      targets: Int32Array.from(targets),
      weights: Float32Array.from(masked, (at) => 1 + at / 8),
    };
  };
  /** B's loss, its gradients to the weights, and to each token's embedding. */
  const lesson = (some: Slab) => {
    const rows: Float32Array[] = [];
    const { loss, gradients, crossEntropies } = lossAndGradients(some, parameters, TINY, 9, (dRows) => {
      rows.push(dRows.dataSync() as Float32Array);
      dRows.dispose();
    });
    const found = {
      loss: loss.dataSync()[0]!,
      weights: Object.fromEntries([...gradients].map(([name, tensor]) => [name, [...tensor.dataSync()]])),
      rows: rows[0]!,
    };
    tf.dispose([loss, crossEntropies, ...gradients.values()]);
    return found;
  };
  const width = TINY.dModel;

  it('B’s loss and its gradient to B’s tokens are bit-identical whatever A is, and not under direct', () => {
    const [one, other] = [a, perturbed].map((first) => lesson(slab(first, [0, 5, 9])));
    expect(other!.loss).toBe(one!.loss);
    expect(other!.rows.subarray(5 * width)).toEqual(one!.rows.subarray(5 * width));
    const [seen, seenOther] = [a, perturbed].map((first) => lesson(slab(first, [0, 9])));
    expect(seenOther!.loss).not.toBe(seen!.loss);
    expect(seenOther!.rows.subarray(5 * width)).not.toEqual(seen!.rows.subarray(5 * width));
  });
  it('B’s loss has exactly no gradient to A’s embeddings, and has one under direct', () => {
    const apart = lesson(slab(a, [0, 5, 9])).rows.subarray(0, 5 * width);
    expect(apart.every((value) => value === 0)).toBe(true);
    expect(
      lesson(slab(a, [0, 9]))
        .rows.subarray(0, 5 * width)
        .some((value) => value !== 0),
    ).toBe(true);
  });
  it('packed loss and gradients are those of the documents one by one', () => {
    const packed = lesson(slab(a, [0, 5, 9], 'both'));
    const { masked, targets, weights } = slab(a, [0, 5, 9], 'both');
    const alone = [0, 1].map((n) => {
      const [from, to] = n === 0 ? [0, 2] : [2, 4];
      const ids = n === 0 ? a : b;
      return lesson({
        ...row(ids, [0, ids.length]),
        masked: masked.slice(from, to).map((at) => (n === 0 ? at : at - 5)),
        targets: targets.slice(from, to),
        weights: weights.slice(from, to),
      });
    });
    expect(Math.abs(packed.loss - alone[0]!.loss - alone[1]!.loss)).toBeLessThan(1e-5);
    for (const [name, gradient] of Object.entries(packed.weights))
      gradient.forEach((value, i) =>
        expect(value, name).toBeCloseTo(alone[0]!.weights[name]![i]! + alone[1]!.weights[name]![i]!, 5),
      );
  });
});
