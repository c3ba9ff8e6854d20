/** What the trainer makes of passes: recorded lengths, context weights, the order of pairs. */
import { describe, expect, it } from 'vitest';

import { DEFAULT_FORM, type NoiseForm } from '../../src/core/noise.ts';
import { permutation } from '../../src/core/random.ts';
import { Masker } from '../../src/noise/index.ts';
import type { Corpus, NoiseRow } from '../../src/shard/index.ts';
import { batches } from '../../src/train/loop.ts';
import { layOut } from '../../src/train/slab.ts';
import { cutTo, noiseOf, openPass, readWindow } from '../../src/train/windows.ts';
import { memoryCorpus } from './memory-corpus.ts';
import { windowOf } from './fixtures.ts';

const masker = new Masker(DEFAULT_FORM, 0, 8);
const record = windowOf([[5, 6, 7], [1, 2], [3]], 8);
const row = (changes: Partial<NoiseRow>): NoiseRow => ({
  window: 0,
  unitLengths: Int32Array.of(6),
  p: Float32Array.of(1),
  weight: Float32Array.of(2),
  key: [0, 0],
  contextWeight: null,
  ...changes,
});

const corpusOf = (form: Partial<NoiseForm>): Corpus => {
  const train = Array.from({ length: 12 }, () => Int32Array.of(0, 1, 2, 3, 4, 5));
  const corpus = memoryCorpus({ windowLength: 8, vocabSize: 10, mask: 9, train, validation: [], passes: 3 });
  return {
    ...corpus,
    noise: async (pass) => ({ ...(await corpus.noise(pass)), form: { ...DEFAULT_FORM, batchWindows: 4, ...form } }),
  };
};

describe('a slab', () => {
  it('multiplies a unit’s weight by that of the attention group, window by window', () => {
    const units = {
      unitLengths: Int32Array.of(1, 4, 1),
      p: Float32Array.of(1, 1, 1),
      weight: Float32Array.of(2, 4, 8),
    };
    const noise = row({ ...units, contextWeight: Float32Array.of(1, 10, 100) });
    const { weights } = layOut(
      [
        { record, noise },
        { record, noise },
      ],
      9,
      masker,
    );
    expect([...weights]).toEqual([2, 4, 4, 40, 40, 800, 2, 4, 4, 40, 40, 800]);
  });

  it('ends where a pass cuts its window: no token, no group, no loss after it', () => {
    const noise = row({ unitLengths: Int32Array.of(4) });
    const { ids, groupOffsets, weights } = layOut([{ record: cutTo(record, noise), noise }], 9, masker);
    expect([...ids]).toEqual([9, 9, 9, 9]);
    expect([...groupOffsets]).toEqual([0, 3, 4]);
    expect(weights).toHaveLength(4);
  });
});

describe('a pass of random lengths', () => {
  it('may have fewer tokens than its window, and another may not', async () => {
    const short = { unitLengths: Int32Array.of(4) };
    const open = async (form: Partial<NoiseForm>) => {
      const corpus = corpusOf(form);
      const noise = await openPass(corpus, 0);
      const window = await readWindow(corpus, 0);
      return (changes: Partial<NoiseRow>) =>
        noiseOf(corpus, { ...noise, row: (number) => ({ ...noise.row(number), ...changes }) }, window);
    };
    const [cut, whole] = [await open({ randomLength: 0.5 }), await open({})];
    expect(cut(short).unitLengths).toEqual(short.unitLengths);
    expect(() => whole(short)).toThrow(expect.objectContaining({ code: 'CORPUS_CORRUPT' }) as Error);
    for (const tokens of [0, 7])
      expect(() => cut({ unitLengths: Int32Array.of(tokens) })).toThrow(
        expect.objectContaining({ code: 'CORPUS_CORRUPT' }) as Error,
      );
  });
});

/** Windows of the first `count` epochs. */
async function orders(form: Partial<NoiseForm>, count: number): Promise<number[][]> {
  const epochs: number[][] = [];
  for await (const { windows, epoch } of batches(corpusOf(form), null)) {
    if (epoch === count) break;
    (epochs[epoch] ??= []).push(...windows);
  }
  return epochs;
}

describe('the order of an epoch', () => {
  const order = (pass: number) => [...permutation(12, 1, pass)];
  it('is that of its pass, over whose batches t is stratified', async () => {
    // Passes 0, 1, 2, 0, 1.
    expect(await orders({}, 5)).toEqual([0, 1, 2, 0, 1].map(order));
  });
  it('of a complement is that of the pass it belongs to', async () => {
    expect(await orders({ complementary: true }, 5)).toEqual([0, 0, 2, 0, 0].map(order));
  });
});
