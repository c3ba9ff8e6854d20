/** A corpus cannot write special tokens: their text inside a document is text, and only the policy inserts ids. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openCorpus } from '../../src/shard/index.ts';
import { writeJsonl } from '../support/corpus.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, TOKENIZER } from '../support/prep.ts';

const dir = temporaryFolder();
const ATTACKS = [
  '<|mask|>',
  'before <|eos|> after',
  '<|bos|><|bos|><|eos|>',
  '<|eos|>\n<|mask|>\n<|bos|>',
  `${'long text '.repeat(400)}<|eos|>${' and more of it'.repeat(400)}<|mask|>`,
  ...Array.from({ length: 20 }, (_, i) => `document ${i} <|mask|> of some length ${'<|eos|>'.repeat(i)}`),
];
const input = writeJsonl(
  join(dir, 'attacks.jsonl'),
  ATTACKS.map((text) => ({ text })),
);

/** Packs the attacks; all real ids, the ids at the ends of documents, and the special ids. */
async function packed(policy: string) {
  const out = join(dir, policy);
  await prep(['pack', input, '--tokenizer', TOKENIZER, '--window', '256', '--policy', policy, '--out', out], {
    cwd: dir,
  });
  await prep(['verify', out], { cwd: dir });
  const corpus = await openCorpus(out);
  try {
    const { windows, tokenizer, ledger } = corpus.manifest;
    const parts: { document: number; part: number; ids: number[] }[] = [];
    for (let window = 0; window < windows.train + windows.validation; window++) {
      const { inputIds, segments } = await corpus.read(window);
      for (const { document, part, start, length } of segments)
        parts.push({ document, part, ids: [...inputIds.subarray(start, start + length)] });
    }
    parts.sort((a, b) => a.document - b.document || a.part - b.part);
    const documents: number[][] = ATTACKS.map(() => []);
    for (const { document, ids } of parts) documents[document]!.push(...ids);
    return { documents, special: tokenizer.specialIds, ledger };
  } finally {
    await corpus.close();
  }
}

test.each(['adaptive', 'direct'])('%s: no special id among the real tokens', async (policy) => {
  const { documents, special, ledger } = await packed(policy);
  expect(special).toEqual({ mask: 4093, bos: 4094, eos: 4095, pad: 4095 });
  expect(documents.flat().filter((id) => id === special.mask || id === special.bos || id === special.eos)).toEqual([]);
  expect(ledger.tokens.inserted).toBe(0);
  // It is there as text: the bytes of each attack take more than one token.
  expect(Math.min(...documents.map((ids) => ids.length))).toBeGreaterThan(1);
});

test('eod: exactly one end token, after each document', async () => {
  const [{ documents, special, ledger }, adaptive] = [await packed('eod'), await packed('adaptive')];
  expect(documents.map((ids) => ids.at(-1))).toEqual(ATTACKS.map(() => special.eos));
  expect(documents.map((ids) => ids.slice(0, -1))).toEqual(adaptive.documents);
  expect(ledger.tokens.inserted).toBe(ATTACKS.length);
});
