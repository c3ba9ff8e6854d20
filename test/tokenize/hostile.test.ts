import { readFileSync } from 'node:fs';
import type { Tokenizer as Reference } from 'tokenizers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTokenizer, type Tokenizer } from '../../src/tokenize/index.ts';
import { MAX_WORD_BYTES, WordTooLong } from '../../src/tokenize/kernel.ts';
import {
  BYTE_CHARACTERS,
  firstDifference,
  idsBy,
  naiveMerges,
  oracleOf,
  readJson,
  REAL,
  someOf,
  utf8,
} from '../support/tokenizers.ts';

const SHAPES: Record<string, string> = {
  'one letter': 'a',
  spaces: ' ',
  underscores: '_',
  'one Chinese character': '中',
  'an emoji': '😀',
  'combining marks': '\u0301',
  'marks in the wrong order': '\u0301\u0323',
  digits: '7',
  newlines: '\n',
  'space and newline': ' \n',
  'capitals and one small letter': 'AAAAAAAa',
  apostrophes: "'s",
  'the beginning of a special token': '<|',
  'decomposed Korean': '\u1112\u1161\u11ab',
  'no-break spaces': '\u00a0',
  'letters of a pair that merges': 'ab',
};
const BYTES = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));

/** About `size` bytes. */
const shapeOf = (unit: string, size: number): string => unit.repeat(Math.floor(size / utf8(unit).length));

describe.each(someOf('Qwen 2.5', 'GPT-4o'))('hostile texts, by %s', (name) => {
  let ours: Tokenizer | undefined;
  let parsing: Tokenizer | undefined;
  let reference: Reference | undefined;
  let merges: (word: Uint8Array) => number[];
  beforeAll(() => {
    const bytes = readFileSync(REAL[name]);
    ours = loadTokenizer(bytes, name);
    parsing = loadTokenizer(bytes, name, { specialTokens: 'parse' });
    reference = oracleOf(bytes);
    merges = naiveMerges(readJson(REAL[name]));
  });
  afterAll(() => {
    [ours, parsing, reference] = [undefined, undefined, undefined];
  });

  test.each(Object.keys(SHAPES))('%s', { timeout: 10_000 }, async (shape) => {
    const unit = SHAPES[shape]!;
    // By merges as simple as can be, on the words that the reference makes of it.
    for (const size of [16, 160, 512]) {
      const text = reference!.getNormalizer()?.normalizeString(shapeOf(unit, size)) ?? shapeOf(unit, size);
      const words = reference!.getPreTokenizer()!.preTokenizeString(text);
      const expected = words.flatMap(([word]) => merges(Uint8Array.from(word, (character) => BYTES.get(character)!)));
      expect(expected.length).toBeGreaterThan(0);
      // Llama 3 takes a word that is a token as it is: the reference has the last word.
      if (name !== 'Llama 3') expect([...ours!.encode(utf8(shapeOf(unit, size)))]).toEqual(expected);
      expect([...ours!.encode(utf8(shapeOf(unit, size)))]).toEqual(await idsBy(reference!, shapeOf(unit, size)));
    }
    const medium = shapeOf(unit, 16 * 1024);
    const ids = ours!.encode(utf8(medium));
    expect(firstDifference(ids, await idsBy(reference!, medium))).toBe(-1);
    // 1 MiB: an end, the whole of the text, and about as many ids for each byte.
    const large = utf8(shapeOf(unit, 2 ** 20));
    const [most, parsed] = [ours!.encode(large), parsing!.encode(large)];
    expect(firstDifference(most, parsed)).toBe(-1);
    // By the reference's normalizer: V8's takes minutes to sort a megabyte of marks.
    const text = Buffer.from(large).toString();
    expect(ours!.decode(most) === (reference!.getNormalizer()?.normalizeString(text) ?? text)).toBe(true);
    expect(Math.abs(most.length / ids.length / (large.length / utf8(medium).length) - 1)).toBeLessThan(0.02);
  });
});

describe('bytes that are no UTF-8', () => {
  test.each([
    ['cut off', [0x61, 0xf0, 0x9f]],
    ['a lone continuation', [0x80]],
    ['never in UTF-8', [0xff, 0x20, 0xfe]],
    ['overlong', [0xc0, 0xaf, 0xe0, 0x80, 0x80]],
    ['a surrogate', [0xed, 0xa0, 0x80, 0x61]],
    ['beyond Unicode', [0xf5, 0x80, 0x80, 0x80]],
    ['in the middle', [0x61, 0xe4, 0xbd, 0x62, 0xc3]],
  ])('%s: become U+FFFD as TextDecoder has it', async (_, bytes) => {
    const path = REAL['GPT-2'];
    const file = readFileSync(path);
    const ours = loadTokenizer(file, path);
    // What an earlier text left in the kernel's memory must not be seen.
    ours.encode(utf8('hello wonderful world of stale bytes'));
    const text = new TextDecoder().decode(Uint8Array.from(bytes));
    expect(text).toContain('\ufffd');
    expect([...ours.encode(Uint8Array.from(bytes))]).toEqual(await idsBy(oracleOf(file), text));
  });
});

test('a word that there can be no memory for is refused, and the next text is not', () => {
  const { encode, encodeStream } = loadTokenizer(readFileSync(REAL['GPT-2']), 'GPT-2');
  const tooLong = new Uint8Array(MAX_WORD_BYTES + 1).fill(0x61);
  expect(() => encode(tooLong)).toThrow(WordTooLong);
  expect(() => [...encodeStream([tooLong])]).toThrow(WordTooLong);
  expect(encode(utf8('hello world')).length).toBe(2);
});
