import { expect, test } from 'vitest';
import { pipelineFrom } from '../../src/config/index.ts';
import { isPrepError } from '../../src/core/errors.ts';

const from = (settings: object) =>
  pipelineFrom({ name: 'x', tokenizer: 't.json', inputs: [{ paths: ['a.txt'] }], ...settings });
async function field(settings: object): Promise<string> {
  try {
    await from(settings);
  } catch (error) {
    if (isPrepError(error) && error.code === 'CONFIG_INVALID') return String(error.details.field);
    throw error;
  }
  return 'none';
}

test('nothing said: every document once', async () => {
  const { mixture, filter } = await from({});
  const all = { epochs: 1, tokens: null, minTokens: 0, maxTokens: null, policy: 'adaptive' };
  expect(mixture).toEqual({ all, bySource: {}, duplicates: 'keep' });
  expect(filter).toBe(null);
});

test('a source has what it says, and of the rest what all have', async () => {
  const inputs = [
    { source: 'a', paths: ['a.txt'], epochs: 2.5, tokens: '10M', min_tokens: 5 },
    { source: '__proto__', paths: ['b.txt'], weight: 0.5, max_tokens: '1k', policy: 'eod' },
    { source: 'c', paths: ['c.txt'] },
  ];
  const { mixture } = await from({ inputs, min_tokens: 2, max_tokens: '4k', policy: 'direct' });
  expect(Object.entries(mixture.bySource)).toEqual([
    ['a', { epochs: 2.5, tokens: 10_000_000, minTokens: 5, maxTokens: 4096, policy: 'direct' }],
    ['__proto__', { epochs: 0.5, tokens: null, minTokens: 2, maxTokens: 1024, policy: 'eod' }],
  ]);
});

test.each<[string, object, string]>([
  ['epochs of none', { inputs: [{ paths: ['a'], epochs: 0 }] }, 'inputs[0].epochs'],
  ['both names of one thing', { inputs: [{ paths: ['a'], epochs: 1, weight: 1 }] }, 'inputs[0].weight'],
  ['a budget in words', { inputs: [{ paths: ['a'], tokens: 'many' }] }, 'inputs[0].tokens'],
  ['bounds that exclude each other', { min_tokens: 9, max_tokens: 8 }, 'min_tokens'],
  [
    'the same between a source and all',
    { max_tokens: 8, inputs: [{ paths: ['a'], min_tokens: 9 }] },
    'inputs[0].min_tokens',
  ],
  ['an unknown policy', { inputs: [{ paths: ['a'], policy: 'causal' }] }, 'inputs[0].policy'],
  ['hybrid without groups', { policy: 'hybrid' }, 'group_field'],
  ['a source that is hybrid without groups', { inputs: [{ paths: ['a'], policy: 'hybrid' }] }, 'group_field'],
  ['a window that cannot be doubled', { policy: 'block-diffusion', window: 1000 }, 'window'],
  [
    'block diffusion beside another policy',
    { policy: 'block-diffusion', inputs: [{ paths: ['a'], policy: 'eod' }] },
    'policy',
  ],
  ['a third way with duplicates', { duplicates: 'merge' }, 'duplicates'],
  [
    'rules for one of two entries of a source',
    {
      inputs: [
        { source: 's', paths: ['a'] },
        { source: 's', paths: ['b'], policy: 'eod' },
      ],
    },
    'inputs[1].policy',
  ],
])('%s is refused', async (_, settings, expected) => {
  expect(await field(settings)).toBe(expected);
});

test.each([
  ['60k', 60_000],
  ['60 K', 60_000],
  ['10M', 1e7],
  ['10B', 1e10],
  ['10g', 1e10],
  ['1.5T', 1.5e12],
  ['1.1B', 1_100_000_000],
  ['12', 12],
])('a budget of %s is decimal: %d tokens', async (tokens, expected) => {
  const { mixture } = await from({ inputs: [{ source: 'a', paths: ['a'], tokens }] });
  expect(mixture.bySource['a']!.tokens).toBe(expected);
});

test('a window is counted in 1024s all the same', async () => {
  expect((await from({ window: '128k' })).window).toBe(131_072);
});

test.each(['10X', '60kib', '1.5', '1e9', 'k', '-1', '10000T'])(
  'a budget of %s is none, and the suffixes that are known are listed',
  async (tokens) => {
    await expect(from({ inputs: [{ paths: ['a'], tokens }] })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(
        /`inputs\[0\]\.tokens` is .*K \(10\^3\), M \(10\^6\), G or B \(10\^9\) and T/,
      ) as string,
    });
  },
);
