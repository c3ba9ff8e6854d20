import { Tokenizer } from 'tokenizers';
import { beforeAll, describe, expect, test } from 'vitest';
import { CLASS, classOf, classTable } from '../../src/tokenize/unicode/classes.ts';
import { nfcTables } from '../../src/tokenize/unicode/nfc-tables.ts';

/** The oracle is npm `tokenizers`, the package that the tables were read off: a new version of it shows here first. */
let codePoints: number[];

beforeAll(() => {
  // All of the planes where anything is assigned, and of the empty ones, which are three quarters of the time, some
  // and both sides of every edge.
  codePoints = Array.from({ length: 0x110000 }, (_, c) => c).filter(
    (c) =>
      (c < 0xd800 || c > 0xdfff) &&
      (c < 0x40000 ||
        c >> 12 === 0xe0 ||
        c % 61 === 0 ||
        classOf(c) !== classOf(c - 1) ||
        classOf(c) !== classOf(Math.min(c + 1, 0x10ffff)) ||
        c >= 0x10fff0),
  );
});

/** Splits as a tokenizer.json with this pattern does, the matches removed. */
function removing(regex: string): (text: string) => string[] {
  const json = {
    version: '1.0',
    added_tokens: [],
    pre_tokenizer: { type: 'Split', pattern: { Regex: regex }, behavior: 'Removed', invert: false },
    model: { type: 'BPE', vocab: {}, merges: [] },
  };
  const split = Tokenizer.fromString(JSON.stringify(json)).getPreTokenizer();
  return (text) => split?.preTokenizeString(text).map(([piece]) => piece) ?? [];
}

describe('classes are those of the reference', () => {
  test.each([
    ['\\p{L}', (bits: number) => (bits & CLASS.letter) > 0, 141_028],
    ['\\p{N}', (bits: number) => (bits & CLASS.number) > 0, 1911],
    ['\\s', (bits: number) => (bits & CLASS.space) > 0, 25],
    ['\\p{M}', (bits: number) => (bits & CLASS.mark) > 0, 2501],
    ['[\\p{Lu}\\p{Lt}]', (bits: number) => (bits & CLASS.upper) > 0, 1889],
    ['\\p{Ll}', (bits: number) => (bits & CLASS.lower) > 0, 2258],
    [
      '[\\p{Lm}\\p{Lo}]',
      (bits: number) => (bits & (CLASS.letter | CLASS.upper | CLASS.lower)) === CLASS.letter,
      136_881,
    ],
  ])('%s', (regex, is, count) => {
    const split = removing(regex);
    let matches = 0;
    for (let from = 0; from < codePoints.length; from += 8192) {
      const some = codePoints.slice(from, from + 8192);
      const others = some.filter((codePoint) => !is(classOf(codePoint)));
      matches += some.length - others.length;
      const expected = split(String.fromCodePoint(...some)).join('');
      // Not toBe on 8192 characters: a difference is to show as a code point.
      if (expected !== String.fromCodePoint(...others))
        expect(others).toEqual(Array.from(expected, (character) => character.codePointAt(0)));
    }
    expect(matches).toBe(count);
  });

  test('surrogates are of no class, and the edges of the table are there', () => {
    for (let surrogate = 0xd800; surrogate <= 0xdfff; surrogate++) expect(classOf(surrogate)).toBe(0);
    expect(classOf(0x10ffff)).toBe(0);
    const { index, blocks } = classTable();
    expect(index.length).toBe(0x110000 / 128);
    expect(blocks.length).toBe((Math.max(...index) + 1) * 128);
    // It is to stay in the second-level cache, better the first.
    expect(index.byteLength + blocks.byteLength).toBeLessThan(64 * 1024);
  });

  test('unsettled is what the normalizer has a property for', () => {
    const { index, properties } = nfcTables();
    const property = (c: number) => properties[index[c >> 7]! * 128 + (c & 127)]!;
    const wrong = codePoints.filter((c) => (classOf(c) & CLASS.unsettled) > 0 !== property(c) > 0);
    expect(wrong).toEqual([]);
    expect(codePoints.filter((c) => property(c) > 0).length).toBe(2001);
    // What the kernel passes over without a look (survey.as.ts): below CC 80, and E4 to E9.
    const passed = (c: number) => c < 0x300 || (c >= 0x4000 && c < 0xa000);
    expect(codePoints.filter((c) => passed(c) && property(c) > 0)).toEqual([]);
  });

  test("contractions: of what is not ASCII, only the long s matches, and only for 's", () => {
    const split = removing("(?i:'s|'t|'re|'ve|'m|'ll|'d)");
    const matching = codePoints.flatMap((c) => ['', 'e', 'l'].map((after) => `'${String.fromCodePoint(c)}${after}`));
    const found = new Set<string>();
    for (let from = 0; from < matching.length; from += 3000) {
      const some = matching.slice(from, from + 3000);
      if (split(some.join('\n'))[0] !== some.join('\n'))
        for (const text of some) if (split(text)[0] !== text) found.add(text.slice(1));
    }
    const expected = [...'sStTmMdDſ'].flatMap((letter) => [letter, `${letter}e`, `${letter}l`]);
    expect([...found].sort()).toEqual([...expected, 're', 'Re', 've', 'Ve', 'll', 'Ll'].sort());
  });
});
