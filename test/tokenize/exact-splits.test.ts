import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { buildModel, isForeign } from '../../src/tokenize/index.ts';
import { Kernel } from '../../src/tokenize/kernel.ts';
import {
  asciiStrings,
  firstDifference,
  oracleOf,
  REAL,
  REAL_NAMES,
  unicodeStrings,
  utf8,
} from '../support/tokenizers.ts';

/**
 * Where words end, which ids mostly hide: between a long s and an a no merge of these files ever happens, so whether a
 * word ends there shows only here.
 */
describe.each(REAL_NAMES)('words end where the reference’s do, by the pattern of %s', (name) => {
  test.each([
    ['Unicode', unicodeStrings],
    ['ASCII', asciiStrings],
  ])('on 20,000 generated strings of %s', (_, strings) => {
    const bytes = readFileSync(REAL[name]);
    const model = buildModel(bytes, name);
    if (isForeign(model)) throw new Error(model.why);
    const kernel = new Kernel(model.image);
    const reference = oracleOf(bytes);
    const [normalizer, split] = [reference.getNormalizer(), reference.getPreTokenizer()!];
    let words = 0;
    for (const raw of strings(20_000, 31)) {
      const text = normalizer?.normalizeString(raw) ?? raw;
      let end = 0;
      // In the byte alphabet a character is a byte.
      const ends = split.preTokenizeString(text).map(([word]) => (end += word.length));
      words += ends.length;
      const mine = kernel.words(utf8(text));
      if (firstDifference(mine, ends) >= 0) expect({ text, ends: [...mine] }).toEqual({ text, ends });
    }
    expect(words).toBeGreaterThan(100_000);
  });
});
