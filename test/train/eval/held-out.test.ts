import { describe, expect, it } from 'vitest';

import type { Corpus } from '../../../src/shard/index.ts';
import { heldOutPieces } from '../../../src/train/eval/held-out.ts';
import { memoryCorpus } from '../memory-corpus.ts';

const count = (from: number, length: number): Int32Array => Int32Array.from({ length }, (_, i) => (from + i) % 9);
const corpus = memoryCorpus({
  windowLength: 16,
  vocabSize: 10,
  mask: 9,
  train: [count(0, 16)],
  validation: [count(0, 11), count(1, 5), count(2, 4), count(3, 16)],
});
const texts = async (...given: Parameters<typeof heldOutPieces>): Promise<string[]> =>
  (await heldOutPieces(...given)).map(({ ids }) => ids.join('')).sort();

describe('heldOutPieces', () => {
  it('has held-out documents whole, and none of the training ones', async () => {
    expect(await texts(corpus, null, 10, 0)).toEqual(
      [count(0, 11), count(1, 5), count(2, 4), count(3, 16)].map((ids) => ids.join('')).sort(),
    );
  });
  it('cuts a length off them, one behind the other, and leaves what is shorter', async () => {
    expect(await texts(corpus, 5, 10, 0)).toEqual(['01234', '12345', '34567', '45678', '56780', '80123']);
  });
  it('takes at most so many, others under another seed', async () => {
    const sets = new Set<string>();
    for (let seed = 0; seed < 8; seed++) {
      const some = await texts(corpus, 4, 2, seed);
      expect(some).toHaveLength(2);
      sets.add(some.join());
    }
    expect(sets.size).toBeGreaterThan(1);
  });
  it('may mask all but the prompts', async () => {
    const prompted: Corpus = {
      ...corpus,
      inEpoch: () => prompted,
      read: async (window: number) => {
        const record = await corpus.read(window);
        return { ...record, segments: record.segments.map((segment) => ({ ...segment, promptTokens: 3 })) };
      },
    };
    const pieces = await heldOutPieces(prompted, null, 10, 0);
    expect(pieces).toHaveLength(4);
    for (const { ids, maskable } of pieces) expect([...maskable]).toEqual([...ids.keys()].slice(3));
    // Of what is cut off, the pieces that are all prompt are left out: the first of each document.
    expect(await texts(prompted, 3, 99, 0)).toEqual(['012', '345', '345', '678', '678', '678']);
  });
  it.each(['document-causal', 'block-diffusion'])('refuses windows of the policy %s', async (policy) => {
    const causal: Corpus = {
      ...corpus,
      inEpoch: () => causal,
      read: async (window: number) => {
        const record = await corpus.read(window);
        return { ...record, mask: { ...record.mask, policy } };
      },
    };
    await expect(heldOutPieces(causal, null, 10, 0)).rejects.toMatchObject({ code: 'POLICY_REFUSED' });
  });
  it('says what there is where nothing is so long', async () => {
    await expect(heldOutPieces(corpus, 17, 10, 0)).rejects.toMatchObject({
      code: 'CORPUS_EMPTY',
      details: { length: 17, longest: 16 },
    });
    const none = memoryCorpus({ windowLength: 16, vocabSize: 10, mask: 9, train: [count(0, 16)], validation: [] });
    await expect(heldOutPieces(none, null, 10, 0)).rejects.toMatchObject({ code: 'CORPUS_EMPTY' });
  });
});
