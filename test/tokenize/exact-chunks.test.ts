import { readFileSync } from 'node:fs';
import type { Tokenizer as Reference } from 'tokenizers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTokenizer, type Tokenizer } from '../../src/tokenize/index.ts';
import { firstDifference, idsBy, oracleOf, random, REAL, someOf, unicodeStrings, utf8 } from '../support/tokenizers.ts';

/** The kernel takes a longer text in chunks of this (src/tokenize/kernel.ts): what matters happens around its multiples. */
const CHUNK = 128 * 1024;

/** 300 KiB, and trouble for 200 bytes on both sides of where chunks end; `shift` moves it all. */
function textAround(trouble: string, shift: number): string {
  const filler = 'It is a truth universally acknowledged, that a single man in possession of 1813 pounds must be. ';
  let text = 'x'.repeat(shift);
  let size = shift;
  for (let chunk = 1; chunk <= 2; chunk++) {
    // The first chunk ends at CHUNK; the next a few bytes before twice that, as the last words are taken again.
    const fill = filler.repeat(Math.ceil(CHUNK / filler.length)).slice(0, chunk * CHUNK - size - 400);
    const more = trouble.slice(0, 800);
    text += fill + more;
    size += fill.length + utf8(more).length;
  }
  return text + filler;
}

const same = async (ours: Tokenizer, reference: Reference, text: string): Promise<number> => {
  const bytes = utf8(text);
  const [mine, theirs] = [ours.encode(bytes), await idsBy(reference, text)];
  expect(firstDifference(mine, theirs)).toBe(-1);
  return theirs.length;
};

describe.each(someOf('Qwen 2.5', 'Llama 3'))('texts longer than a chunk, by %s', (name) => {
  let ours: Tokenizer | undefined;
  let reference: Reference | undefined;
  beforeAll(() => {
    const bytes = readFileSync(REAL[name]);
    ours = loadTokenizer(bytes, name);
    reference = oracleOf(bytes);
  });
  afterAll(() => {
    [ours, reference] = [undefined, undefined];
  });

  test('moved byte by byte across the ends of chunks', async () => {
    // One long text of kinds in turn: any of them lies across a boundary for some shift.
    const kinds = [
      '   \n \n  ',
      "don't ",
      '123456 ',
      '你好，世界',
      'é\u0301\u0323',
      '👩‍👩‍👧',
      '!!!???\r\n',
      'HTMLParser',
      "WE'LL ",
      '\u3000\u00a0',
    ];
    const trouble = kinds.join('').repeat(12);
    for (let shift = 0; shift <= 40; shift++) {
      // The oracle costs 0.3 s a text: only the middle, by texts that begin a word apart from it.
      const text = textAround(trouble, shift);
      const bytes = utf8(text);
      expect(bytes.length).toBeGreaterThan(2 * CHUNK);
      const whole = ours!.encode(bytes);
      if (shift % 10 === 0) expect(firstDifference(whole, await idsBy(reference!, text))).toBe(-1);
      // The same text by pieces that fit in a chunk, cut where a word begins: a space between letters.
      const cut = [CHUNK - 20_000, 2 * CHUNK - 20_000].map((at) => {
        while (!/^[a-z] [a-z]$/.test(Buffer.from(bytes.subarray(at - 1, at + 2)).toString('latin1'))) at--;
        return at;
      });
      const parts = [0, ...cut].map((from, i) => ours!.encode(bytes.subarray(from, cut[i] ?? bytes.length)));
      expect(
        firstDifference(
          whole,
          parts.flatMap((ids) => [...ids]),
        ),
      ).toBe(-1);
    }
  });

  test.each([
    ['letters', 'abcdefghij'],
    ['one letter', 'a'],
    ['spaces', ' '],
    ['newlines', '\r\n'],
    ['Chinese', '你好世界的'],
    ['digits', '123'],
    ['marks', 'e\u0301\u0323'],
    ['punctuation', '=-'],
    ['emoji', '👩‍👧'],
  ])('a single run of %s over the ends of chunks', async (_, unit) => {
    const text = `start ${unit.repeat(Math.ceil((1.2 * CHUNK) / utf8(unit).length))} end`;
    expect(await same(ours!, reference!, text)).toBeGreaterThan(1000);
  });

  // 1 MiB takes the reference 2 s: there, for one file; test/long has it for all.
  test(`a word of ${name === 'GPT-2' ? '1 MiB' : '320 KiB'}`, async () => {
    const { below } = random(7);
    const word = Array.from({ length: name === 'GPT-2' ? 2 ** 20 : 320 * 1024 }, () =>
      String.fromCharCode(0x61 + below(26)),
    ).join('');
    expect(await same(ours!, reference!, `a ${word} b`)).toBeGreaterThan(100_000);
  });

  test('in pieces, cut anywhere', () => {
    const { below } = random(8);
    const kinds = [
      ...unicodeStrings(60, 9),
      textAround('ab  \n'.repeat(200), 3),
      'e\u0301'.repeat(500),
      'が'.normalize('NFD').repeat(300),
      '<tool_call>'.repeat(20),
    ];
    let cuts = 0;
    for (const text of kinds) {
      const bytes = utf8(text);
      const whole = ours!.encode(bytes);
      for (const most of [1, 7, 64, 5000, 100_000]) {
        if (bytes.length / most > 3000) continue;
        const pieces: Uint8Array[] = [];
        for (let at = 0; at < bytes.length; at += pieces.at(-1)!.length)
          pieces.push(bytes.subarray(at, at + 1 + below(most)));
        cuts += pieces.length - 1;
        const ids = [...ours!.encodeStream(pieces)].flatMap((run) => [...run]);
        expect([text.slice(0, 100), most, firstDifference(ids, whole)]).toEqual([text.slice(0, 100), most, -1]);
      }
    }
    expect(cuts).toBeGreaterThan(5000);
  });
});
