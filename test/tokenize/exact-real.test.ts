import { readFileSync } from 'node:fs';
import type { Tokenizer as Reference } from 'tokenizers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTokenizer, type Tokenizer } from '../../src/tokenize/index.ts';
import {
  adversarialText,
  CORPORA,
  corpus,
  expectSame,
  hasCorpora,
  oracleOf,
  REAL,
  REAL_NAMES,
  sampleOf,
  unicodeStrings,
  utf8,
} from '../support/tokenizers.ts';

const SAMPLE_SIZE = { en: 1_000_000, code: 1_000_000, zh: 400_000 };
let samples: Map<string, string[]>;
let strings: string[];

beforeAll(() => {
  samples = new Map(CORPORA.map((name, seed) => [name, sampleOf(corpus(name), SAMPLE_SIZE[name], seed)]));
  strings = unicodeStrings(10_000, 1);
});

test('the generated strings have everything in them', () => {
  const count = (what: RegExp) => strings.filter((text) => what.test(text)).length;
  const kinds = {
    'beyond the BMP': /[\u{10000}-\u{10ffff}]/u,
    'title case': /\p{Lt}/u,
    modifier: /\p{Lm}/u,
    'a mark on a letter': /\p{L}\p{M}/u,
    'marks by the dozen': /\p{M}{12}/u,
    jamo: /[\u1100-\u11ff]/u,
    'joined emoji': /\p{Extended_Pictographic}\u200d\p{Extended_Pictographic}/u,
    'a contraction': /'(s|t|re|ve|m|ll|d)/u,
    'a contraction in capitals': /'(S|T|RE|VE|M|LL|D)/u,
    'with a long s': /'ſ/u,
    'with a typographic apostrophe': /’(s|t|re|ve|m|ll|d)/iu,
    'digits of other scripts': /[^\P{N}0-9]{4}/u,
    'a long run of punctuation': /(\p{P})\1{40}/u,
    'a newline of two': /\r\n/u,
    'next line': /\u0085/u,
    'no-break space': /\u00a0/u,
    'byte order mark': /\ufeff/u,
    unassigned: /\p{Cn}/u,
    'private use': /\p{Co}/u,
    noncharacters: /\p{Noncharacter_Code_Point}/u,
    controls: /[\u0001-\u0008]/u, // oxlint-disable-line no-control-regex
  };
  for (const [kind, what] of Object.entries(kinds)) expect([kind, count(what) > 80]).toEqual([kind, true]);
  expect(strings.filter((text) => text !== text.normalize('NFC')).length).toBeGreaterThan(2000);
});

describe.each(REAL_NAMES)('ids equal those of the Rust reference with the file of %s', (name) => {
  let ours: Tokenizer | undefined;
  let reference: Reference | undefined;

  beforeAll(() => {
    const bytes = readFileSync(REAL[name]);
    ours = loadTokenizer(bytes, name);
    reference = oracleOf(bytes);
  });
  // Hundreds of MB each.
  afterAll(() => {
    [ours, reference] = [undefined, undefined];
  });

  test('by the kernel', () => {
    expect(ours!.engine).toMatch(/kernel/);
  });

  test.each(CORPORA)('on a sample of %s', async (corpusName) => {
    const { bytes, tokens } = await expectSame(ours!, reference!, samples.get(corpusName)!);
    // In a clone without the corpora the bundled sample stands in, which has less.
    expect(bytes).toBeGreaterThan(hasCorpora ? 950_000 : 400_000);
    expect(tokens).toBeGreaterThan(hasCorpora ? 200_000 : 100_000);
  });

  test('on 10,000 generated strings', async () => {
    const { texts, tokens } = await expectSame(ours!, reference!, strings);
    expect(texts).toBe(10_000);
    expect(tokens).toBeGreaterThan(400_000);
  });

  test('on every prefix of 4 KiB of trouble', async () => {
    const text = adversarialText(2);
    expect(utf8(text).length).toBeGreaterThan(4096);
    const prefixes: string[] = [];
    for (const { length } of text)
      prefixes.push((prefixes.at(-1) ?? '') + text.slice((prefixes.at(-1) ?? '').length).slice(0, length));
    expect(prefixes.at(-1)).toBe(text);
    expect(prefixes.length).toBeGreaterThan(1000);
    await expectSame(ours!, reference!, prefixes);
  });
});
