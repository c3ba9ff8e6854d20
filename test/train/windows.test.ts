import { describe, expect, it } from 'vitest';

import { DEFAULT_FORM } from '../../src/core/noise.ts';
import type { Corpus, NoiseRow, WindowRecord } from '../../src/shard/index.ts';
import { checkManifest, noiseOf, openPass, readWindow } from '../../src/train/windows.ts';
import { memoryCorpus } from './memory-corpus.ts';

const corpus = memoryCorpus({
  windowLength: 8,
  vocabSize: 10,
  mask: 9,
  train: [Int32Array.of(0, 1, 2), Int32Array.of(3, 4)],
  validation: [],
});
const CORRUPT = { code: 'CORPUS_CORRUPT', exitCode: 65 };

describe('readWindow', () => {
  const damaged = (change: (record: WindowRecord) => Partial<WindowRecord>): Corpus => {
    const read = async (window: number): Promise<WindowRecord> => {
      const record = await corpus.read(window);
      return { ...record, ...change(record) };
    };
    return { ...corpus, inEpoch: () => ({ ...corpus, read }) };
  };
  const offsets = (...cuSeqlens: number[]) =>
    damaged(({ mask }) => ({ mask: { ...mask, cuSeqlens: Int32Array.from(cuSeqlens) } }));

  it('passes a sound window', async () => expect((await readWindow(corpus, 0)).numTokens).toBe(5));

  it.each<[string, Corpus]>([
    ['a policy of tomorrow', damaged(({ mask }) => ({ mask: { ...mask, policy: 'of tomorrow' } }))],
    ['no tokens', damaged(() => ({ numTokens: 0 }))],
    ['more tokens than it holds', damaged(() => ({ numTokens: 9 }))],
    ['a negative id', damaged(({ inputIds }) => ({ inputIds: inputIds.with(1, -1) }))],
    ['an id outside the vocabulary', damaged(({ inputIds }) => ({ inputIds: inputIds.with(4, 10) }))],
    ['groups that do not begin at 0', offsets(1, 5, 8)],
    ['groups that go back', offsets(0, 5, 3, 8)],
    ['groups that end early', offsets(0, 3, 5)],
    ['no groups', offsets()],
    [
      'a prompt longer than its document',
      damaged(({ segments }) => ({ segments: [{ ...segments[0]!, promptTokens: 4 }] })),
    ],
  ])('refuses %s with a code', async (_, bad) => {
    await expect(readWindow(bad, 0)).rejects.toMatchObject(CORRUPT);
  });
});

describe('noiseOf', () => {
  it.each<[string, Partial<NoiseRow>]>([
    ['another window', { window: 1 }],
    ['units of other length', { unitLengths: Int32Array.of(4) }],
    ['a negative unit', { unitLengths: Int32Array.of(6, -1) }],
    ['a missing weight', { weight: new Float32Array(0) }],
    ['a probability of 0', { p: Float32Array.of(0) }],
    ['a probability above 1', { p: Float32Array.of(1.5) }],
    ['a probability that is no number', { p: Float32Array.of(NaN) }],
    ['an endless weight', { weight: Float32Array.of(Infinity) }],
    ['a negative weight', { weight: Float32Array.of(-1) }],
    ['context weights of other groups', { contextWeight: Float32Array.of(1, 1, 1) }],
    ['a context weight of 0', { contextWeight: Float32Array.of(1, 0) }],
  ])('refuses %s with a code', async (_, change) => {
    const record = await readWindow(corpus, 0);
    const noise = await openPass(corpus, 0);
    expect(noiseOf(corpus, noise, record).window).toBe(0);
    const bad = { ...noise, row: (window: number) => ({ ...noise.row(window), ...change }) };
    expect(() => noiseOf(corpus, bad, record)).toThrow(expect.objectContaining(CORRUPT) as Error);
  });
  it.each([0, 1.5, NaN])('refuses batches of %s windows', async (batchWindows) => {
    const bad: Corpus = {
      ...corpus,
      noise: async (pass) => ({ ...(await corpus.noise(pass)), form: { ...DEFAULT_FORM, batchWindows } }),
    };
    await expect(openPass(bad, 0)).rejects.toMatchObject(CORRUPT);
  });
});

describe('checkManifest', () => {
  it.each([0, 2 ** 31, 1.5])('refuses a vocabulary of %s', (vocabSize) => {
    const { manifest } = corpus;
    const bad = { ...corpus, manifest: { ...manifest, tokenizer: { ...manifest.tokenizer, vocabSize } } };
    expect(() => checkManifest(corpus)).not.toThrow();
    expect(() => checkManifest(bad)).toThrow(expect.objectContaining(CORRUPT) as Error);
  });
});
