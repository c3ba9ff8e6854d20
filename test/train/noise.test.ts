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

describe('the chance of each masked token', () => {
  it('is that of its unit, window after window', () => {
    // Near 1, so that all are masked but the prompt: two tokens of the second unit.
    const chance = (unit: number): number => Math.fround(1 - unit / 1e6);
    const segments = record.segments.map((segment, i) => ({ ...segment, promptTokens: i === 1 ? 2 : 0 }));
    const units = { unitLengths: Int32Array.of(2, 3, 1), weight: Float32Array.of(1, 1, 1) };
    const items = [
      { record: { ...record, segments }, noise: row({ ...units, p: Float32Array.from([0, 1, 2], chance) }) },
      { record, noise: row({ p: Float32Array.of(chance(3)) }) },
    ];
    const { masked, p } = layOut(items, 9, masker);
    expect([...masked]).toEqual([0, 1, 2, 5, 6, 7, 8, 9, 10, 11]);
    expect([...p]).toEqual([0, 0, 1, 2, 3, 3, 3, 3, 3, 3].map(chance));
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

describe('what a run sees', () => {
  /** Of the first 40 windows: which, in what epoch, under what noise, and what is masked of each. */
  async function seen(batchWindows: number, skip = 0): Promise<string[]> {
    const corpus = corpusOf({});
    const found: string[] = [];
    for await (const { windows, noise, masker, epoch } of batches(corpus, batchWindows, skip)) {
      for (const window of windows) {
        const record = await readWindow(corpus, window);
        const slab = layOut([{ record, noise: noiseOf(corpus, noise, record) }], 9, masker);
        found.push([window, epoch, noise.pass, slab.masked, slab.weights].join(' '));
      }
      if (found.length >= 40) break;
    }
    return found.slice(0, 40);
  }
  it('are the same windows under the same noise in the same order, whatever the batch', async () => {
    const by4 = await seen(4);
    expect(new Set(by4).size).toBe(40);
    // 5 does not divide the 12 windows of an epoch: its last batch is short, and none has two epochs.
    for (const batch of [1, 2, 5]) expect(await seen(batch)).toEqual(by4);
  });
  it('and goes on with what would have come, when it is resumed', async () => {
    expect((await seen(2, 3)).slice(0, 30)).toEqual((await seen(2)).slice(6, 36));
  });
});
