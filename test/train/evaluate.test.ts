import { beforeAll, describe, expect, it } from 'vitest';

import type { Corpus } from '../../src/shard/index.ts';
import { activate } from '../../src/train/backend/load.ts';
import { evaluate, evaluationNoise, shiftOf, someOf } from '../../src/train/evaluate.ts';
import { disposeParameters, initialParameters } from '../../src/train/model/parameters.ts';
import { inSlabs } from '../../src/train/slab.ts';
import { unigramCrossEntropy } from '../../src/train/unigram.ts';
import { TINY } from './fixtures.ts';
import { memoryCorpus } from './memory-corpus.ts';

beforeAll(() => activate('wasm'));

describe('evaluationNoise', () => {
  it('has the p of its t, weight 1 / p, and positions of its own at each level', () => {
    const levels = [0, 1, 2, 3].map((k) => evaluationNoise(5, 10, (k + 0.5) / 4, k, 0));
    levels.forEach(({ p, weight }, k) => {
      expect(p[0]).toBeCloseTo((0.999 * (k + 0.5)) / 4 + 0.001, 6);
      expect(weight[0]! * p[0]!).toBeCloseTo(1, 6);
    });
    expect(new Set(levels.map(({ key }) => key.join())).size).toBe(4);
  });
  it('comes at times that fill (0, 1) evenly over the windows', () => {
    const shifts = Array.from({ length: 50 }, (_, i) => shiftOf(i, 3)).toSorted((a, b) => a - b);
    const gaps = shifts.map((shift, i) => (i === 0 ? shift + 1 - shifts.at(-1)! : shift - shifts[i - 1]!));
    expect(Math.max(...gaps)).toBeLessThan(2 / 50);
  });
});

describe('evaluate', () => {
  const corpus = memoryCorpus({
    windowLength: 32,
    vocabSize: 10,
    mask: 9,
    train: [Int32Array.of(0, 0, 1)],
    validation: [Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8), Int32Array.of(0, 1, 0, 1, 0)],
  });
  it('gives the same figure again, and in slabs of any size', async () => {
    const parameters = initialParameters(TINY, 1);
    const [a, b, c] = [4096, 4096, 20];
    const losses = [];
    for (const slabTokens of [a, b, c]) losses.push((await evaluate(corpus, parameters, TINY, { slabTokens }))!.loss);
    expect(losses[1]).toBe(losses[0]);
    expect(losses[2]).toBeCloseTo(losses[0]!, 5);
    disposeParameters(parameters);
  });
  it('stops at the signal, without a figure', async () => {
    const parameters = initialParameters(TINY, 1);
    expect(await evaluate(corpus, parameters, TINY, { signal: AbortSignal.abort() })).toBeNull();
    disposeParameters(parameters);
  });
  it('is near the logarithm of the vocabulary before training', async () => {
    const parameters = initialParameters(TINY, 1);
    const { loss, tokens } = (await evaluate(corpus, parameters, TINY, { times: 64 }))!;
    expect(tokens).toBe(13);
    expect(loss).toBeGreaterThan(0.8 * Math.log(10));
    expect(loss).toBeLessThan(1.2 * Math.log(10));
    disposeParameters(parameters);
  });
  it('has a unigram to compare with: add-one smoothed counts of the training tokens', async () => {
    const { crossEntropy, trainTokens, validationTokens } = await unigramCrossEntropy(corpus);
    expect([trainTokens, validationTokens]).toEqual([3, 13]);
    // Counts 0: 2, 1: 1; of the 13 held-out tokens three are 0 and three 1.
    const nats = 3 * Math.log(13 / 3) + 3 * Math.log(13 / 2) + 7 * Math.log(13 / 1);
    expect(crossEntropy).toBeCloseTo(nats / 13, 12);
  });
});

describe('the unigram of prompts and responses', () => {
  it('counts responses, and is over all tokens, as the loss is', async () => {
    const corpus = memoryCorpus({
      windowLength: 8,
      vocabSize: 4,
      mask: 3,
      train: [Int32Array.of(2, 2, 0)],
      validation: [Int32Array.of(1, 1, 0, 1)],
    });
    const prompted: Corpus = {
      ...corpus,
      inEpoch: () => prompted,
      read: async (window: number) => {
        const record = await corpus.read(window);
        return { ...record, segments: record.segments.map((segment) => ({ ...segment, promptTokens: 2 })) };
      },
    };
    const { crossEntropy, trainTokens, validationTokens } = await unigramCrossEntropy(prompted);
    expect([trainTokens, validationTokens]).toEqual([1, 4]);
    // One 0 was counted, and every id once more: 2/5 and 1/5.
    expect(crossEntropy).toBeCloseTo((Math.log(5 / 2) + Math.log(5)) / 4, 12);
  });
});

describe('someOf', () => {
  it('spreads what it takes evenly', () => {
    const windows = Int32Array.from({ length: 10 }, (_, i) => 100 + i);
    expect([...someOf(windows, 8, 16)]).toEqual([100, 105]);
    expect([...someOf(windows, 8, 1e9)]).toEqual([...windows]);
    expect([...someOf(new Int32Array(0), 8, 16)]).toEqual([]);
  });
});

describe('inSlabs', () => {
  it('keeps the order and the limit, and takes a longer one alone', () => {
    const items = [3, 3, 9, 1, 2].map((numTokens) => ({ record: { numTokens } }));
    expect(inSlabs(items, 6).map((slab) => slab.map(({ record }) => record.numTokens))).toEqual([[3, 3], [9], [1, 2]]);
  });
});
