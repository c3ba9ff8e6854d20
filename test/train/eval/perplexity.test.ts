import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { activate } from '../../../src/train/backend/load.ts';
import type { Piece } from '../../../src/train/eval/held-out.ts';
import { maskCounts, maskedAt, perplexity } from '../../../src/train/eval/perplexity.ts';
import { HEAD } from '../../../src/train/model/model.ts';
import { slabCrossEntropies } from '../../../src/train/model/loss.ts';
import { disposeParameters, initialParameters, type Parameters } from '../../../src/train/model/parameters.ts';
import { TINY } from '../fixtures.ts';

let parameters: Parameters;
beforeAll(async () => {
  await activate('wasm');
  parameters = initialParameters(TINY, 3);
  // Losses that depend on what is masked.
  const head = parameters.get(HEAD)!;
  parameters.set(HEAD, tf.mul(head, 20));
  head.dispose();
});
afterAll(() => disposeParameters(parameters));

/** Two tokens of prompt, four that may be masked. */
const PIECE: Piece = { ids: Int32Array.of(7, 8, 1, 2, 3, 1), maskable: Int32Array.of(2, 3, 4, 5) };

/** The bound itself: the mean over l of L / l x the mean cross-entropy sum over all sets of l masked tokens. */
async function exactNats({ ids, maskable }: Piece): Promise<number> {
  const length = maskable.length;
  const sums = new Float64Array(length + 1);
  const sets = new Float64Array(length + 1);
  for (let set = 1; set < 2 ** length; set++) {
    const masked = maskable.filter((_, i) => (set >> i) & 1);
    const slab = {
      ids: ids.map((id, at) => (masked.includes(at) ? TINY.maskTokenId : id)),
      positions: ids.map((_, at) => at),
      groupOffsets: Int32Array.of(0, ids.length),
      masked,
      targets: masked.map((at) => ids[at]!),
      weights: Float32Array.from(masked, () => length / masked.length),
    };
    const nats = await slabCrossEntropies(slab, parameters, TINY);
    sums[masked.length]! += nats.reduce((sum, one) => sum + one, 0) * (length / masked.length);
    sets[masked.length]! += 1;
  }
  return sums.reduce((sum, nats, l) => (l === 0 ? 0 : sum + nats / sets[l]! / length), 0);
}

describe('maskCounts', () => {
  it('has one count from each of as many equal parts, and over shifts each count as often', () => {
    const often = new Float64Array(6);
    for (let piece = 0; piece < 3000; piece++) {
      const counts = maskCounts(5, 3, piece, 1);
      expect(counts).toHaveLength(3);
      counts.forEach((count, k) => {
        expect(count).toBeGreaterThanOrEqual(1 + Math.floor((5 * k) / 3));
        expect(count).toBeLessThanOrEqual(Math.ceil((5 * (k + 1)) / 3));
        often[count]!++;
      });
    }
    // 9,000 counts, a fifth of them each: the standard deviation is below 38.
    for (let count = 1; count <= 5; count++) expect(Math.abs(often[count]! - 1800)).toBeLessThan(4 * 38);
  });
  it('is every count once, with a sample for each', () => {
    expect(maskCounts(7, 7, 0, 9)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  });
});

describe('maskedAt', () => {
  it('masks exactly so many, never a prompt, and every set as often', () => {
    const sets = new Map<string, number>();
    for (let sample = 0; sample < 6000; sample++) {
      const masked = maskedAt(PIECE, 2, 5, sample, 1);
      expect(masked).toHaveLength(2);
      sets.set(masked.join(), (sets.get(masked.join()) ?? 0) + 1);
    }
    expect([...sets.keys()].sort()).toEqual(['2,3', '2,4', '2,5', '3,4', '3,5', '4,5']);
    // 1,000 each, with a standard deviation of 29.
    for (const often of sets.values()) expect(Math.abs(often - 1000)).toBeLessThan(4 * 29);
  });
});

describe('perplexity', () => {
  const estimates = async (samples: number, seeds: number, piece = PIECE): Promise<number[]> => {
    const found = [];
    for (let seed = 0; seed < seeds; seed++)
      found.push((await perplexity([piece], { parameters, config: TINY }, { samples, seed })).nats);
    return found;
  };
  const mean = (values: number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const variance = (values: number[]): number => {
    const middle = mean(values);
    return values.reduce((sum, value) => sum + (value - middle) ** 2, 0) / (values.length - 1);
  };

  it('is the bound that all masks together give, without bias', async () => {
    const exact = (await exactNats(PIECE)) / 4;
    const found = await estimates(6, 150);
    const error = Math.sqrt(variance(found) / found.length);
    expect(error).toBeGreaterThan(0);
    expect(Math.abs(mean(found) - exact)).toBeLessThan(4 * error);
  });

  it('varies less than with counts drawn one by one', async () => {
    // Of 16 tokens alike, so that the count matters more than which: averaging 4 draws would leave a quarter.
    const alike = { ids: new Int32Array(16).fill(3), maskable: Int32Array.from({ length: 16 }, (_, i) => i) };
    const single = await estimates(1, 200, alike);
    expect(variance(await estimates(4, 100, alike))).toBeLessThan(0.5 * (variance(single) / 4));
  });

  it('has the standard error of the mean over pieces of one length, and leaves no tensor', async () => {
    const pieces = [3, 4, 5, 6].map((id) => ({ ids: PIECE.ids.map((other) => (other + id) % 9), maskable: PIECE.maskable })); // prettier-ignore
    const before = tf.memory().numTensors;
    const model = { parameters, config: TINY };
    const all = await perplexity(pieces, model, { samples: 8, seed: 2 });
    expect(tf.memory().numTensors).toBe(before);
    expect(all).toMatchObject({ pieces: 4, tokens: 16 });
    expect(all.perplexity).toBeCloseTo(Math.exp(all.nats), 12);
    expect(await perplexity(pieces, model, { samples: 8, seed: 2 })).toEqual(all);
    // Pieces of one token each, of which no sample differs: the nats of each are known, and so is their spread.
    const ones = [1, 2, 3, 4, 5].map((id) => ({ ids: Int32Array.of(id), maskable: Int32Array.of(0) }));
    const nats = await Promise.all(ones.map((piece) => exactNats(piece)));
    const found = await perplexity(ones, model, { samples: 1, seed: 0 });
    expect(found.nats).toBeCloseTo(mean(nats), 5);
    expect(found.standardError).toBeCloseTo(Math.sqrt(variance(nats) / 5), 5);
    expect(variance(nats)).toBeGreaterThan(0.01);
    expect((await perplexity(pieces.slice(0, 1), model, { samples: 2, seed: 2 })).standardError).toBeNaN();
  });

  it('stops at the signal', async () => {
    const stopped = perplexity(
      [PIECE],
      { parameters, config: TINY },
      { samples: 1, seed: 0, signal: AbortSignal.abort() },
    );
    await expect(stopped).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });
});
