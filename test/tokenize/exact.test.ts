import { readFile } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import { Tokenizer as Reference } from 'tokenizers';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadTokenizer, type Tokenizer } from '../../src/tokenize/index.ts';

/**
 * The oracle is Hugging Face's own Rust library (npm `tokenizers`), given the file without its special tokens: that is
 * what `encode_special_tokens` does in Python, which the Node binding does not offer.
 */
let ours: Tokenizer;
let reference: Reference;
const utf8 = (text: string) => new TextEncoder().encode(text);

beforeAll(async () => {
  const bytes = await readFile('samples/tokenizer.json');
  ours = loadTokenizer(bytes, 'samples/tokenizer.json');
  const json = JSON.parse(bytes.toString()) as { added_tokens: { special: boolean }[] };
  json.added_tokens = json.added_tokens.filter((token) => !token.special);
  reference = Reference.fromString(JSON.stringify(json));
});

const idsOf = async (text: string): Promise<number[]> =>
  (await reference.encode(text, null, { addSpecialTokens: false })).getIds();

/** Texts that differ in their first difference, so that a failure shows a place and not a megabyte. */
async function expectSame(texts: readonly string[]): Promise<number> {
  let tokens = 0;
  for (const text of texts) {
    const [mine, theirs] = [ours.encode(utf8(text)), await idsOf(text)];
    tokens += mine.length;
    const length = Math.max(mine.length, theirs.length);
    for (let i = 0; i < length; i++)
      if (mine[i] !== theirs[i])
        throw new Error(
          `${JSON.stringify(text.slice(0, 80))}: token ${i} is ${mine[i]}, the reference says ${theirs[i]}`,
        );
  }
  return tokens;
}

async function sampleTexts(): Promise<string[]> {
  const corpus = 'samples/corpus';
  const lines = (text: string) =>
    text
      .trimEnd()
      .split('\n')
      .map((line) => (JSON.parse(line) as { text: string }).text);
  return [
    ...lines(await readFile(`${corpus}/chapters.jsonl`, 'utf8')),
    ...lines(gunzipSync(await readFile(`${corpus}/definitions.jsonl.gz`)).toString()),
    ...(JSON.parse(await readFile(`${corpus}/rights.json`, 'utf8')) as { text: string }[]).map(({ text }) => text),
    await readFile(`${corpus}/novels/emma-volume-1.txt`, 'utf8'),
  ];
}

/** Strings that mix scripts, marks, digits, spaces, newlines, emoji and unassigned code points. */
function generated(count: number): string[] {
  let state = 42;
  const next = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const ranges: [number, number][] = [
    [0x20, 0x7e], [0x20, 0x7e], [0x09, 0x0d], [0xa0, 0x24f], [0x300, 0x36f], [0x370, 0x52f], [0x5d0, 0x6ff],
    [0x900, 0xdff], [0x1100, 0x11ff], [0x1e00, 0x206f], [0x2070, 0x2bff], [0x3000, 0x30ff], [0x4e00, 0x9fff],
    [0xac00, 0xd7a3], [0xf900, 0xfaff], [0xfe00, 0xfe0f], [0x1f300, 0x1faff], [0x10000, 0x1044f],
  ]; // prettier-ignore
  return Array.from({ length: count }, () => {
    let text = '';
    for (let n = 1 + next(40); n > 0; n--) {
      const [from, to] = ranges[next(ranges.length)]!;
      const char = String.fromCodePoint(from + next(to - from + 1));
      text += next(8) === 0 ? char.repeat(1 + next(5)) : char;
    }
    return text;
  });
}

describe('ids equal those of Hugging Face’s Rust tokenizer', () => {
  test('on the sample corpus', async () => {
    const texts = await sampleTexts();
    expect(texts.length).toBeGreaterThan(1000);
    expect(await expectSame(texts)).toBeGreaterThan(500_000);
  });

  test('on 5,000 generated strings', async () => {
    const texts = generated(5000);
    expect(texts.filter((text) => /[^\u0000-\uffff]/u.test(text)).length).toBeGreaterThan(1000); // oxlint-disable-line no-control-regex
    await expectSame(texts);
  });

  test('on every prefix of a text with everything in it', async () => {
    const text = `It’s 12345 o'clock!!\r\n\r\n\tdon't 你好，世界 — naïve café\u0301 👩‍👩‍👧 <|mask|>  \u00a0\u2003 x`;
    const prefixes = [...text].map((_, i, all) => all.slice(0, i + 1).join(''));
    await expectSame(prefixes);
  });
});

describe('special tokens', () => {
  test('in a text stay text', () => {
    for (const token of ['<|mask|>', '<|bos|>', '<|eos|>']) {
      const id = ours.idOf(token)!;
      expect(id).toBeGreaterThan(4000);
      const ids = ours.encode(utf8(`a ${token} b`));
      expect([...ids]).not.toContain(id);
      expect(ours.decode(ids)).toBe(`a ${token} b`);
    }
  });
  test('are shown when decoded', () => {
    const [mask, eos] = [ours.idOf('<|mask|>')!, ours.idOf('<|eos|>')!];
    const ids = Int32Array.of(...ours.encode(utf8('one')), mask, mask, ...ours.encode(utf8(' two')), eos);
    expect(ours.decode(ids)).toBe('one<|mask|><|mask|> two<|eos|>');
  });
});

test('a text comes back whole', async () => {
  for (const text of (await sampleTexts()).slice(0, 200)) expect(ours.decode(ours.encode(utf8(text)))).toBe(text);
});
