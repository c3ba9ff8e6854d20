import { expect, test } from 'vitest';
import { loadTokenizer } from '../../src/tokenize/index.ts';
import { TOKENIZER } from '../support/prep.ts';
import { mutants, readJson, REAL, reduced, tryMutant, type TokenizerJson } from '../support/tokenizers.ts';

// The structure of each real file with its first merges loads in milliseconds; whole ones too, fewer of them.
const FILES: [string, () => TokenizerJson, number][] = [
  ['the structure of Qwen 2.5', () => reduced(readJson(REAL['Qwen 2.5']), 1500), 2300],
  ['the structure of Llama 3', () => reduced(readJson(REAL['Llama 3']), 1500), 2300],
  ['the structure of GPT-4o', () => reduced(readJson(REAL['GPT-4o']), 1500), 2300],
  ['the structure of GPT-2', () => reduced(readJson(REAL['GPT-2']), 1500), 2000],
  ['the sample', () => readJson(TOKENIZER), 800],
  ['the whole of GPT-2', () => readJson(REAL['GPT-2']), 200],
  ['the whole of Qwen 2.5', () => readJson(REAL['Qwen 2.5']), 50],
  ['the whole of Llama 3', () => readJson(REAL['Llama 3']), 50],
];

test.each(FILES)('mutants of %s', async (_, read, count) => {
  const outcomes: Record<string, number> = {};
  const wrong: string[] = [];
  for (const mutant of mutants(read(), count, 22)) {
    const { outcome, detail } = await tryMutant(mutant, loadTokenizer);
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
    if (outcome === 'other ids' || outcome === 'another error' || outcome === 'slow')
      wrong.push(`${mutant.what}: ${outcome}: ${detail}`);
  }
  expect(wrong).toEqual([]);
  expect(outcomes['refused']).toBeGreaterThan(count / 4);
  expect(outcomes['same ids']).toBeGreaterThan(count / 8);
});
