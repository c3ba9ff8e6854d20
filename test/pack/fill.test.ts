/** Fill over many splits, against best-fit decreasing over the whole corpus at once: real document lengths. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { keyOf, philox } from '../../src/core/random.ts';
import { type PackOptions, packLengths, packStage, packTails } from '../../src/pack/index.ts';
import { loadTokenizer } from '../../src/tokenize/index.ts';
import { TOKENIZER } from '../support/prep.ts';
import { corpus, hasCorpora } from '../support/tokenizers.ts';
import { documentOf } from '../support/documents.ts';

const SPLIT_TOKENS = 8_000_000;

/** Lengths of a corpus of `splits` splits whose documents are as long as those of `en`, give or take a tenth. */
function lengthsOf(splits: number): Int32Array[] {
  const tokenizer = loadTokenizer(readFileSync(TOKENIZER), TOKENIZER);
  const real = corpus('en').map((text) => tokenizer.encode(new TextEncoder().encode(text)).length);
  const draw = new Uint32Array(4);
  return Array.from({ length: splits }, (_, split) => {
    const lengths: number[] = [];
    for (let tokens = 0, i = 0; tokens < SPLIT_TOKENS; i++) {
      philox(draw, keyOf(1), split, i, 0, 0);
      const length = Math.round(real[draw[0]! % real.length]! * (0.9 + (0.2 * draw[1]!) / 2 ** 32));
      lengths.push(length);
      tokens += length;
    }
    return Int32Array.from(lengths);
  });
}

describe.skipIf(!hasCorpora)('en', () => {
  const splits = lengthsOf(4);
  const zeros = new Int32Array(Math.max(...splits.map((lengths) => Math.max(...lengths))));

  test.each([131072, 8192])(
    'windows of %i: within 0.1 % of one packing of all documents',
    { timeout: 60_000 },
    async (windowLength) => {
      const rules = { windowLength, method: 'best-fit', longDocuments: 'split', minSegment: 0 } as const;
      const options: PackOptions = { ...rules, separator: null, pad: 0, validation: 0, seed: 0, sources: {} };
      const fills: number[] = [];
      const tails = [];
      for (const [split, lengths] of splits.entries()) {
        const stage = packStage(options, split, ['a']);
        const input = (async function* () {
          for (const [record, length] of lengths.entries()) {
            const document = documentOf('', record);
            yield { items: [{ document, ids: zeros.subarray(0, length) }], cursor: { bytes: 0, records: record } };
          }
        })();
        for await (const { items } of stage.run(input, { progress: () => {}, reject: () => {} }))
          for (const { numTokens } of items) fills.push(numTokens);
        tails.push(stage.result.tail);
      }
      for await (const { numTokens } of packTails(tails, options)) fills.push(numTokens);
      const all = Int32Array.from(splits.flatMap((lengths) => [...lengths]));
      const offline = packLengths(all, { ...rules, separator: false });
      const tokens = fills.reduce((a, b) => a + b, 0);
      expect(tokens).toBe(offline.tokens.packed);
      expect(fills.length).toBeLessThanOrEqual(Math.floor(offline.windows * 1.001));
      // One window of a corpus is not full, whatever packs it: the share of the others is what can be had.
      expect((tokens - Math.min(...fills)) / ((fills.length - 1) * windowLength)).toBeGreaterThan(0.999);
      expect(fills.length).toBeGreaterThan(200);
    },
  );
});
