import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { loadTokenizer } from '../../src/tokenize/index.ts';
import { CORPORA, corpus, expectSame, hasCorpora, oracleOf, REAL, REAL_NAMES } from '../support/tokenizers.ts';

const DOCUMENTS = { en: 1390, code: 339, zh: 646 };

describe.each(REAL_NAMES)('every document of the corpora, by %s', (name) => {
  test.each(CORPORA)('%s', async (corpusName) => {
    const bytes = readFileSync(REAL[name]);
    const { texts, tokens } = await expectSame(loadTokenizer(bytes, name), oracleOf(bytes), corpus(corpusName));
    if (hasCorpora && process.env.ULTRAPREP_CORPUS === undefined) expect(texts).toBe(DOCUMENTS[corpusName]);
    expect(tokens).toBeGreaterThan(500_000);
  });
});
