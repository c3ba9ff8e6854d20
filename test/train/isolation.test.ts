import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';

import { activate } from '../../src/train/backend/load.ts';
import { disposePlaced, hiddenRows, place, type TokenRow } from '../../src/train/model/model.ts';
import { disposeParameters, initialParameters, type Parameters } from '../../src/train/model/parameters.ts';
import { TINY } from './fixtures.ts';

const row = (ids: number[], groups: number[], positions = ids.map((_, i) => i)): TokenRow => ({
  ids: Int32Array.from(ids),
  positions: Int32Array.from(positions),
  groupOffsets: Int32Array.from(groups),
});

describe.each(['cpu', 'wasm'] as const)('documents in one window on %s', (backend) => {
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
});
