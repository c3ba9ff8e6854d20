import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { LiteralFinder, literalsOf, SpecialTokenFound } from '../../src/tokenize/added.ts';
import { buildModel, loadTokenizer, openTokenizer } from '../../src/tokenize/index.ts';
import {
  expectSame,
  idsBy,
  oracleOf,
  random,
  readJson,
  REAL,
  REAL_NAMES,
  reduced,
  unicodeStrings,
  utf8,
} from '../support/tokenizers.ts';

/** Texts full of tokens: alone, cut off, adjacent, repeated, one inside another, at both ends. */
function textsWith(contents: readonly string[], count: number, seed: number): string[] {
  const { below, pick } = random(seed);
  const between = unicodeStrings(200, seed).map((text) => text.slice(0, 12).toWellFormed());
  const kinds: (() => string)[] = [
    () => pick(contents),
    () => pick(contents),
    () => pick(contents).repeat(1 + below(4)),
    () => {
      const token = pick(contents);
      return token.slice(0, 1 + below(token.length)) + pick(['', token]);
    },
    () => {
      const token = pick(contents);
      const cut = 1 + below(token.length);
      return token.slice(0, cut) + token.slice(below(cut));
    },
    () => pick(contents).toUpperCase(),
    () => pick(between),
    () => pick([' ', '  ', '\n', '\r\n', 'word', ' word', "'s", '<', '<|', '|>', '>', '\u0301', 'é', '中文', '1234']),
  ];
  return Array.from({ length: count }, () => Array.from({ length: 1 + below(12) }, () => pick(kinds)()).join(''));
}

describe.each(REAL_NAMES)('added tokens of %s', (name) => {
  const bytes = readFileSync(REAL[name]);
  const model = buildModel(bytes, name);
  const parsing = oracleOf(bytes, 'parse');
  const json = readJson(REAL[name]);
  const texts = textsWith(
    json.added_tokens.map(({ content }) => content),
    2000,
    3,
  );
  const special = new Set(json.added_tokens.filter((token) => token.special).map(({ id }) => id));

  test('special tokens are text, the others are found', async () => {
    const ours = openTokenizer(model);
    await expectSame(ours, oracleOf(bytes), texts);
    const all = texts.flatMap((text) => [...ours.encode(utf8(text))]);
    expect(all.filter((id) => special.has(id))).toEqual([]);
    const others = json.added_tokens.filter((token) => !token.special).length;
    expect(new Set(all.filter((id) => json.added_tokens.some((token) => token.id === id))).size).toBe(others);
  });

  test('all are parsed', async () => {
    const ours = openTokenizer(model, { specialTokens: 'parse' });
    await expectSame(ours, parsing, texts);
    const found = new Set(texts.flatMap((text) => [...ours.encode(utf8(text))]));
    expect(json.added_tokens.filter(({ id }) => !found.has(id))).toEqual([]);
  });

  test('a special token rejects its text, and nothing else does', async () => {
    const ours = openTokenizer(model, { specialTokens: 'reject' });
    let [rejected, accepted] = [0, 0];
    for (const text of [...texts.slice(0, 500), ...unicodeStrings(200, 4)]) {
      const ids = await idsBy(parsing, text);
      if (ids.some((id) => special.has(id))) {
        expect(() => ours.encode(utf8(text))).toThrow(SpecialTokenFound);
        rejected++;
      } else {
        expect([...ours.encode(utf8(text))]).toEqual(ids);
        accepted++;
      }
    }
    expect(rejected).toBeGreaterThan(100);
    expect(accepted).toBeGreaterThan(100);
  });
});

describe('added tokens that overlap', () => {
  // Leftmost first, of those at one place the longest, and a longer one that begins later loses.
  const CONTENTS = [
    '<a>',
    '<a><b>',
    '<a><b',
    '><',
    'aba',
    'ab',
    'b',
    'é',
    'éa',
    '中',
    ' the',
    '\n\n',
    'bab<a>',
    '😀',
    '\u0301',
    '12',
  ];
  test.each(REAL_NAMES)('as the reference has it, by the rules of %s', async (name) => {
    const json = reduced(readJson(REAL[name]), 2000);
    let next = Object.keys(json.model.vocab).length;
    const added = CONTENTS.map((content, i) => ({
      id: json.model.vocab[content] ?? next++,
      content,
      special: i % 3 === 0,
      lstrip: false,
      rstrip: false,
      single_word: false,
      normalized: false,
    }));
    const file = JSON.stringify({ ...json, added_tokens: added });
    const texts = textsWith([...CONTENTS, 'abab', '<a', 'b<a><'], 5000, 5);
    for (const mode of ['text', 'parse'] as const) {
      const ours = loadTokenizer(utf8(file), name, { specialTokens: mode });
      expect(ours.engine).toMatch(/kernel/);
      await expectSame(ours, oracleOf(file, mode), texts);
      const found = new Set(texts.flatMap((text) => [...ours.encode(utf8(text))]));
      expect(added.filter(({ id, special }) => !(special && mode === 'text') && !found.has(id))).toEqual([]);
    }
  });

  // The kernel takes 128 KiB at a time.
  test('across the places where a long text is cut', async () => {
    const name = 'Qwen 2.5';
    const file = readFileSync(REAL[name]);
    const ours = loadTokenizer(file, name);
    const texts = Array.from(
      { length: 80 },
      (_, i) => `${'words and '.repeat(13107)}${'.'.repeat(i)}</tool_call> more`,
    );
    await expectSame(ours, oracleOf(file), texts);
  });
});

describe('tokens that are normalized and tokens that are not', () => {
  const file = (contents: readonly (readonly [string, boolean])[]) => {
    const json = reduced(readJson(REAL['GPT-2']), 2000);
    const next = Object.keys(json.model.vocab).length;
    const added_tokens = contents.map(([content, normalized], i) => ({
      id: next + i,
      content,
      special: false,
      lstrip: false,
      rstrip: false,
      single_word: false,
      normalized,
    }));
    return JSON.stringify({ ...json, added_tokens });
  };
  const cases: Readonly<Record<string, readonly (readonly [string, boolean])[]>> = {
    'overlap: found in two passes': [
      ['<a>b', true],
      ['>bc', false],
    ],
    'one inside another': [
      ['<a>', true],
      ['x<a>y', false],
    ],
    'cannot overlap: one search finds both': [
      ['<a>', true],
      ['[b]', false],
    ],
  };
  test.each(Object.entries(cases))('%s', async (_, contents) => {
    const text = file(contents);
    const ours = loadTokenizer(utf8(text), 'mixed');
    expect(ours.engine).toMatch(/ultraprep/);
    const words = contents.map(([content]) => content);
    const texts = ['x<a>bc y', 'x<a>y', '<a>[b]<a', ...textsWith(words, 500, 7)];
    await expectSame(ours, oracleOf(text), texts);
    for (const one of texts.slice(0, 50)) {
      const pieces = [...utf8(one)].map((byte) => Uint8Array.of(byte));
      expect([...ours.encodeStream(pieces)].flatMap((run) => [...run])).toEqual([...ours.encode(utf8(one))]);
    }
  });
});

test('thousands of literals that begin alike: the longest of those that stand there, as by looking at each', () => {
  const { below, pick } = random(11);
  const letters = 'ab<';
  const some = (most: number) => Array.from({ length: 1 + below(most) }, () => pick([...letters])).join('');
  const contents = [...new Set(Array.from({ length: 3000 }, () => `<${some(9)}`))];
  const finder = new LiteralFinder(literalsOf(contents.map((content, id) => ({ id, content }))));
  let found = 0;
  for (let i = 0; i < 300; i++) {
    const text = some(200);
    const expected: number[] = [];
    for (let at = 0; at < text.length;) {
      const here = contents.filter((content) => text.startsWith(content, at)).sort((a, b) => b.length - a.length)[0];
      if (here !== undefined) expected.push(contents.indexOf(here));
      at += here?.length ?? 1;
    }
    const ids: number[] = [];
    for (const { id } of finder.split(utf8(text))) if (id >= 0) ids.push(id);
    expect(ids).toEqual(expected);
    found += ids.length;
  }
  expect(found).toBeGreaterThan(1000);
});
