import { readFileSync } from 'node:fs';
import type { Tokenizer as Reference } from 'tokenizers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTokenizer, type Tokenizer } from '../../src/tokenize/index.ts';
import {
  BYTE_CHARACTERS,
  expectSame,
  firstDifference,
  idsBy,
  naiveMerges,
  oracleOf,
  random,
  type Random,
  readJson,
  REAL,
  REAL_NAMES,
  utf8,
} from '../support/tokenizers.ts';

const BYTES = new Map(BYTE_CHARACTERS.map((character, byte) => [character, byte]));
const bytesOf = (token: string): Uint8Array => Uint8Array.from(token, (character) => BYTES.get(character) ?? 0);
/** A token's text, or nothing where its bytes are no UTF-8. */
function textOf(token: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytesOf(token));
  } catch {
    return '';
  }
}

/** Letters of scripts whose words are cut into pieces: frequent first, so that squaring a random number favours them. */
const SCRIPTS: Record<string, string> = {
  Chinese:
    '的一是不了人我在有他这为之大来以个中上们到说国和地也子时道出而要于就下得可你年生' +
    range(0x4e00, 0x9fff, 37) +
    range(0x20000, 0x20100, 7),
  Cyrillic: 'оеаинтсрвлкмдпуяыьгзбчйхжшюцщэфъё' + range(0x460, 0x52f, 3),
  Thai: range(0xe01, 0xe2e) + range(0xe30, 0xe3a) + range(0xe40, 0xe4e),
  Korean: '이다는의가에을하고지한를은도기사' + range(0xac00, 0xd7a3, 29) + range(0x1100, 0x11ff, 5),
  Japanese: range(0x3041, 0x3096) + range(0x30a1, 0x30fa) + '日本語人年大会' + range(0x3400, 0x4dbf, 101),
  Arabic: range(0x621, 0x64a) + range(0x671, 0x6d3, 5),
  Devanagari: range(0x904, 0x94d) + range(0x958, 0x95f),
  emoji: '😀😂❤️👍🎉🚀🔥👩\u200d👧🏽🏳️🌈' + range(0x1f300, 0x1f6ff, 11),
  mixed: 'abcаб的はéñß한ไ०٣1' + range(0x100, 0x24f, 7) + range(0x370, 0x3ff, 5),
};

function range(from: number, to: number, step = 1): string {
  let text = '';
  for (let c = from; c <= to; c += step) text += String.fromCodePoint(c);
  return text;
}

function wordOf(letters: readonly string[], length: number, { below }: Random): string {
  let word = '';
  for (let i = 0; i < length; i++) word += letters[Math.floor(below(letters.length) * (below(1024) / 1024) ** 2)]!;
  return word;
}

describe.each(REAL_NAMES)('words of %s', (name) => {
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

  test.each(Object.keys(SCRIPTS))('of 1 to 60 characters, cut into pieces: %s', async (script) => {
    const letters = Array.from(SCRIPTS[script]!);
    const chance = random(11);
    const words = Array.from({ length: 1800 }, (_, i) => wordOf(letters, 1 + (i % 60), chance));
    // Alone, twice, and in a text: found in a cache the second time.
    const { tokens } = await expectSame(ours!, reference!, [
      ...words,
      ...words.slice(0, 300),
      words.join(' '),
      words.join('，'),
    ]);
    expect(tokens).toBeGreaterThan(100_000);
    expect(new Set(words).size).toBeGreaterThan(1500);
  });

  test('of letters with upper-case ones inside, cut where no token reaches across', async () => {
    const { pick, below } = random(14);
    const tokens = Object.keys(readJson(REAL[name]).model.vocab).filter((token) => /^[A-Za-z]{1,16}$/.test(token));
    // Tokens that reach across such a place, whole and clipped at either end: what is nearly a token is nearly cut.
    const across = tokens.filter((token) => /[a-z][A-Z]/.test(token));
    const part = (): string => {
      const token = across.length > 0 && below(3) === 0 ? pick(across) : pick(tokens);
      const whole = below(2) === 0 ? token : token.slice(below(4), token.length - below(3));
      return below(2) === 0 ? whole.slice(0, 1).toUpperCase() + whole.slice(1) : whole;
    };
    const words = Array.from({ length: 12_000 }, (_, i) => {
      let word = i % 3 === 0 ? ' ' : '';
      for (let parts = 2 + (i % 7); parts > 0; parts--) word += part();
      return i % 11 === 0 ? `${word}é${part()}` : word;
    });
    expect(words.filter((word) => /[a-z][A-Z]/.test(word)).length).toBeGreaterThan(10_000);
    await expectSame(ours!, reference!, [...words, words.join(''), words.join('_')]);
  });

  test('tokens, whether their own merges reach them or not, as words and inside words', async () => {
    const json = readJson(REAL[name]);
    const merged = naiveMerges(json);
    const { pick } = random(12);
    const texts = Object.entries(json.model.vocab).map(([token, id]) => ({ text: textOf(token), token, id }));
    const tokens = texts.filter(({ text, token }) => text !== '' && token.length <= 32);
    const unreachable = tokens.filter(({ token, id }) => {
      const parts = merged(bytesOf(token));
      return parts.length !== 1 || parts[0] !== id;
    });
    const chosen = [...unreachable.slice(0, 3000), ...Array.from({ length: 3000 }, () => pick(tokens))];
    const cases = chosen.flatMap(({ text }) => {
      const other = pick(tokens).text;
      return [
        text,
        `${text}${text}`,
        `${other}${text}`,
        `${text}${other}`,
        `a${text}`,
        `${text} ${text}的`,
        `的${text}龘${text}ж`,
      ];
    });
    await expectSame(ours!, reference!, cases);
    const found = new Set<number>();
    for (const { text } of unreachable) for (const id of ours!.encode(utf8(text))) found.add(id);
    const whole = unreachable.filter(({ id }) => found.has(id)).length;
    if (json.model.ignore_merges === true) expect(whole).toBeGreaterThan(0);
  });
});

describe.each(['GPT-2', 'Llama 3'] as const)('the caches of %s', (name) => {
  test('forget and overwrite, and never mistake one word for another', async () => {
    const bytes = readFileSync(REAL[name]);
    const [ours, reference] = [loadTokenizer(bytes, name), oracleOf(bytes)];
    const chance = random(13);
    const alphabet = Array.from('etaoinshrdlucmfwypvbgkqjxz');
    const mixed = Array.from('etaoinshr的一是не');
    const texts = (count: number): string[] =>
      Array.from({ length: count }, () => {
        // Short words fill 2^18 places, words of 17 to 60 bytes an arena of 8 MiB.
        const words = Array.from({ length: 1000 }, (_, i) =>
          wordOf(i % 7 === 0 ? mixed : alphabet, i % 4 === 0 ? 17 + chance.below(43) : 2 + chance.below(14), chance),
        );
        return words.join(' ');
      });
    const first = texts(300);
    const ids = first.map((text) => ours.encode(utf8(text)));
    const distinct = new Set(first.flatMap((text) => text.split(' '))).size;
    expect(distinct).toBeGreaterThan(250_000);
    // Others by the million, from other seeds of the same kind.
    let others = 0;
    for (let round = 0; round < 3; round++) for (const text of texts(250)) others += ours.encode(utf8(text)).length;
    expect(others).toBeGreaterThan(1_500_000);
    for (const [i, text] of first.entries()) expect(firstDifference(ours.encode(utf8(text)), ids[i]!)).toBe(-1);
    for (const i of [0, 100, 200, 299]) expect(firstDifference(ids[i]!, await idsBy(reference, first[i]!))).toBe(-1);
    await expectSame(ours, reference, first.slice(0, 60));
  });
});
