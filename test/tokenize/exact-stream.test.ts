import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { SpecialTokenFound } from '../../src/tokenize/added.ts';
import { loadTokenizer, type Tokenizer } from '../../src/tokenize/index.ts';
import { Kernel } from '../../src/tokenize/kernel.ts';
import { gathering } from '../../src/tokenize/stream.ts';
import {
  firstDifference,
  random,
  type Random,
  readJson,
  REAL,
  REAL_NAMES,
  someOf,
  reduced,
  unicodeStrings,
  utf8,
} from '../support/tokenizers.ts';

const MIB = 2 ** 20;
/** Tokens one inside another, one the end of another, of marks and letters that NFC changes, and a long one. */
const CONTENTS = ['<a>', '<a><b>', '<a><b', '><', 'aba', 'ab', 'é', '\u0301', '\u1161', '中', '\n\n', '<|a long one|>'];

/** A file's rules with few merges, which loads at once, and added tokens that overlap. */
function withAdded(name: (typeof REAL_NAMES)[number]): Uint8Array {
  const json = reduced(readJson(REAL[name]), 2000);
  let next = Object.keys(json.model.vocab).length;
  const flags = { lstrip: false, rstrip: false, single_word: false, normalized: false };
  const added_tokens = CONTENTS.map((content) => ({
    id: json.model.vocab[content] ?? next++,
    content,
    special: content === 'aba' || content === '<|a long one|>',
    ...flags,
  }));
  return utf8(JSON.stringify({ ...json, added_tokens }));
}

/** Decomposed Korean: NFC changes every character, and nothing is ASCII but the spaces. */
function korean(bytes: number, { below }: Random, spaces = [' ', ' ', '. ', '']): Uint8Array {
  const words: string[] = [];
  for (let size = 0; size < bytes; size += Buffer.byteLength(words.at(-1)!)) {
    const syllables = Array.from({ length: 1 + below(5) }, () => 0xac00 + below(11_172));
    words.push((String.fromCharCode(...syllables) + spaces[below(spaces.length)]!).normalize('NFD'));
  }
  return utf8(words.join(''));
}

/** A text of a few hundred bytes of everything that a cut could spoil. */
function* texts(count: number, seed: number): Generator<Uint8Array> {
  const chance = random(seed);
  const { below, pick } = chance;
  const strings = unicodeStrings(200, seed);
  const kinds: (() => string | Uint8Array)[] = [
    () => korean(40, chance),
    () => korean(40, chance, ['']),
    () =>
      pick(['đã được việt Ấn', 'å\u0323ệ', '각\u11a8', 'が'])
        .normalize('NFD')
        .repeat(1 + below(5)),
    // Marks in the wrong order, on a base or on none, and more of them than anybody would write.
    () => pick(['e', 'A', ' ', '\n', '']) + '\u0301\u0323\u0308\u0316'.repeat(below(pick([2, 40]))),
    () => pick(strings).toWellFormed(),
    () => pick(CONTENTS),
    () => pick(CONTENTS).slice(0, -1),
    // A character cut off, bytes that begin none, one too long, a surrogate.
    () => utf8(pick(['é', '中', '😀', '\u0301', '\u1161'])).subarray(0, -1),
    () => Uint8Array.from({ length: 1 + below(6) }, () => pick([0x80, 0xbf, 0xcd, 0xe1, 0xf0, 0xff, 0xc0, 0x41])),
    () => Uint8Array.from(pick([[0xed, 0xa0, 0x80], [0xe0, 0x81, 0x81], [0xf4, 0x90, 0x80, 0x80]])), // prettier-ignore
    () => pick([' the', "don't", '12345', '   ', '\r\n', ' \n ', 'x'.repeat(below(40)), '!!']),
  ];
  for (let i = 0; i < count; i++)
    yield Buffer.concat(Array.from({ length: 1 + below(24) }, () => Buffer.from(pick(kinds)() as string)));
}

function cut(text: Uint8Array, most: number, { below }: Random): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < text.length; at += pieces.at(-1)!.length) pieces.push(text.subarray(at, at + 1 + below(most)));
  return pieces;
}

const joined = (runs: Iterable<Int32Array>): number[] => [...runs].flatMap((run) => [...run]);

/** Ids, or what is said of a special token where those are refused. */
function outcomeOf(ids: () => ArrayLike<number>): number[] | string {
  try {
    return Array.from(ids());
  } catch (error) {
    if (error instanceof SpecialTokenFound) return error.message;
    throw error;
  }
}

afterEach(() => void vi.restoreAllMocks());

describe.each(someOf('Qwen 2.5', 'Llama 3'))('any text cut anywhere, by the rules of %s', (name) => {
  const file = withAdded(name);
  test.each(['text', 'parse', 'reject'] as const)('special tokens: %s', (specialTokens) => {
    const tokenizer = loadTokenizer(file, name, { specialTokens });
    expect(tokenizer.engine).toMatch(/kernel/);
    const chance = random(11);
    const seen = { early: 0, refused: 0, added: 0, changed: 0, malformed: 0 };
    for (const text of texts(500, 12)) {
      const whole = outcomeOf(() => tokenizer.encode(text));
      for (const most of [1, 2, 5, 40, 300]) {
        const pieces = cut(text, most, chance);
        let left = pieces.length;
        const counted = function* () {
          for (const piece of pieces) {
            left--;
            // A reader may use its buffer again.
            const lent = Uint8Array.from(piece);
            yield lent;
            lent.fill(0x61);
          }
        };
        const parts = outcomeOf(() => {
          const ids: number[] = [];
          for (const run of tokenizer.encodeStream(counted())) {
            if (left > 0) seen.early++;
            ids.push(...run);
          }
          return ids;
        });
        const where = Buffer.from(text).toString('latin1');
        expect({ where, most, ids: parts }).toEqual({ where, most, ids: whole });
      }
      if (typeof whole === 'string') seen.refused++;
      else if (whole.some((id) => id >= tokenizer.size - 5)) seen.added++;
      const string = new TextDecoder().decode(text);
      if (string !== string.normalize('NFC')) seen.changed++;
      if (string.includes('\ufffd')) seen.malformed++;
    }
    expect(seen.early).toBeGreaterThan(5000);
    expect(seen.refused > 50).toBe(specialTokens === 'reject');
    expect(seen.added).toBeGreaterThan(50);
    expect(seen.changed).toBeGreaterThan(300);
    expect(seen.malformed).toBeGreaterThan(100);
  });
});

describe('the work is that of the text', () => {
  const qwen = (): Tokenizer => loadTokenizer(readFileSync(REAL['Qwen 2.5']), 'qwen');
  /** Lengths of what the kernel is handed of text that goes on. */
  const handed = () => {
    const { mock } = vi.spyOn(Kernel.prototype, 'encodeOpen');
    return () => mock.calls.map(([text]) => text.length);
  };

  // 8 MiB took 13 s when all of it was kept.
  test.each([
    ['4 MiB of decomposed Korean', () => korean(4 * MIB, random(1)), 64 * 1024],
    ['4 MiB of it in one piece', () => korean(4 * MIB, random(2)), 8 * MIB],
    ['256 KiB of it by the byte', () => korean(MIB / 4, random(3)), 1],
    [
      '4 MiB of bytes that are no UTF-8',
      () => new Uint8Array(4 * MIB).map((_, i) => (i % 64 ? 0x80 : 0x20)),
      64 * 1024,
    ],
  ])('%s', (_, make, size) => {
    const tokenizer = qwen();
    const text = make();
    const sizes = handed();
    const ids = joined(tokenizer.encodeStream(cut(text, 2 * size - 1, random(4))));
    expect(Math.max(...sizes())).toBeLessThan(256 * 1024);
    expect(sizes().reduce((sum, length) => sum + length, 0)).toBeLessThan(3.5 * text.length);
    expect(firstDifference(ids, tokenizer.encode(text))).toBe(-1);
  });

  test.each([
    ['a word', 'a'],
    ['marks', '\u0301'],
    ['decomposed Korean without a space', '한'.normalize('NFD')],
  ])('%s that does not end is not looked at again for every piece', (_, unit) => {
    const tokenizer = qwen();
    const text = utf8(unit.repeat((MIB / 4 / utf8(unit).length) | 0));
    const sizes = handed();
    const ids = joined(tokenizer.encodeStream(cut(text, 199, random(5))));
    expect(sizes().reduce((sum, length) => sum + length, 0)).toBeLessThan(2.5 * text.length);
    expect(firstDifference(ids, tokenizer.encode(text))).toBe(-1);
  });
});

test('a text that is encoded whole may come in one buffer that is filled again', () => {
  const { add, end } = gathering((text) => Int32Array.from(text));
  const piece = Buffer.from('ab');
  expect([...add(piece)]).toEqual([]);
  piece.write('cd');
  expect([...add(piece), ...end()]).toEqual([Int32Array.from(Buffer.from('abcd'))]);
});
