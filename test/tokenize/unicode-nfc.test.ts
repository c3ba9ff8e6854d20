import { nfcNormalizer } from 'tokenizers';
import { beforeAll, describe, expect, test } from 'vitest';
import { normalizeNfcUtf8 } from '../../src/tokenize/unicode/nfc.ts';

/** The oracle is npm `tokenizers`, the package that the tables were read off: a new version of it shows here first. */
const reference = nfcNormalizer();
const utf8 = (text: string) => new TextEncoder().encode(text);
const hex = (text: string) => Array.from(text, (c) => c.codePointAt(0)!.toString(16)).join(' ');
const normalizeNfc = (text: string) => Buffer.from(normalizeNfcUtf8(utf8(text))).toString();
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

/** True if NFC changes it. */
function checkOne(text: string): boolean {
  const expected = reference.normalizeString(text);
  const bytes = utf8(text);
  const out = normalizeNfcUtf8(bytes);
  if (!same(out, utf8(expected)))
    throw new Error(`${hex(text)}: ${hex(Buffer.from(out).toString())}, not ${hex(expected)}`);
  if (expected === text) expect(out).toBe(bytes);
  return expected !== text;
}

/** Many short texts in one, newlines between, as a call of the reference costs more than its work. Counts the changed. */
function checkLines(texts: readonly string[]): number {
  let changed = 0;
  for (let from = 0; from < texts.length; from += 4096) {
    const some = texts.slice(from, from + 4096);
    const [joined, lines] = [some.join('\n'), reference.normalizeString(some.join('\n')).split('\n')];
    if (normalizeNfc(joined) !== lines.join('\n')) some.forEach(checkOne);
    some.forEach((text, i) => (changed += text === lines[i] ? 0 : 1));
  }
  return changed;
}

let characters: string[];
beforeAll(() => {
  characters = Array.from({ length: 0x110000 }, (_, c) => c)
    // All of the planes where anything is assigned, and some of the empty ones, which are three quarters of the time.
    .filter((c) => c !== 10 && (c < 0xd800 || c > 0xdfff) && (c < 0x40000 || c >> 12 === 0xe0 || c % 61 === 0))
    .map((c) => String.fromCodePoint(c));
});

/** Small and good enough: an LCG's high bits. */
function dice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** Ranges that normalization has something to do with, and some that it has not, or that only later versions know. */
const ALPHABETS = `
  61-7a c0-24f 300-36f 300-36f 370-3ff 1f00-1fff 1e00-1eff 591-5ea fb1d-fb4e 610-6ed 8d3-8ff 900-9ff b3c-bd7
  c3c-dca dcf-ddf e38-ecd f35-fc6 1025-1037 1100-1112 1161-1176 11a7-11c3 ac00-ac60 d780-d7a3 1ab0-1aff
  1b05-1b44 1dc0-1dff 20d0-20f0 2126-212b 2adc-2adc 302a-30ff 4e00-4e20 f900-fad9 fe20-fe2f 10d22-10d28
  11099-110bb 11127-11134 1134b-11374 113b0-113d2 114b0-114c4 115b8-115c0 11930-11944 16120-16130 16d60-16d6b
  1d157-1d1c0 1e000-1e02a 1e130-1e136 1e4ec-1e4ef 1e8d0-1e8d6 1e944-1e94a 2f800-2fa1d 40000-40010 e0100-e0110
  10fff0-10ffff
`
  .trim()
  .split(/\s+/)
  .map((range) => range.split('-').map((point) => Number.parseInt(point, 16)) as [number, number]);

function generated(count: number): string[] {
  const roll = dice(7);
  const one = ([low, high]: readonly [number, number]) => String.fromCodePoint(low + roll(high - low + 1));
  return Array.from({ length: count }, () => {
    // Three alphabets to a text, so that they meet themselves and one another; and in one of four decomposed by V8.
    const [a, b, c] = [0, 0, 0].map(() => ALPHABETS[roll(ALPHABETS.length)]!);
    const text = Array.from({ length: 1 + roll(40) }, () => one([a!, b!, c!][roll(3)]!)).join('');
    return roll(4) === 0 ? text.normalize('NFD') : text;
  });
}

describe('NFC is that of the reference', () => {
  test('code points, alone and among marks', () => {
    expect(checkLines(characters)).toBe(1120);
    // Below, of and above the classes of most marks; what composes with them, what goes between them, what blocks them.
    for (const [before, after] of [
      ['a', '\u0301'],
      ['a', '\u0327'],
      ['a', '\u0345'],
      ['a\u0345', '\u0334'],
    ] as const)
      expect(checkLines(characters.map((c) => before + c + after))).toBeGreaterThan(1000);
  });

  test('20,000 generated texts', () => {
    const texts = generated(20_000);
    expect(texts.filter(checkOne).length).toBeGreaterThan(9000);
    // Not so by the tables of V8, or there would be no need of our own.
    expect(texts.filter((text) => text.normalize('NFC') !== normalizeNfc(text)).length).toBeGreaterThan(500);
    for (const text of texts) expect(normalizeNfc(normalizeNfc(text))).toBe(normalizeNfc(text));
  });

  test('each composing pair with each mark between', () => {
    const marks = [
      '',
      '\u0334',
      '\u093c',
      '\u0323',
      '\u0301',
      '\u0308\u0301',
      '\u0345',
      '\u200d',
      'b',
      '\u1161',
      '\u11a8',
    ];
    const pairs = characters.map((c) => [...c.normalize('NFD')]).filter((parts) => parts.length > 1);
    const texts = pairs.flatMap((parts) => marks.map((mark) => parts.join(mark)));
    expect(checkLines(texts)).toBeGreaterThan(20_000);
  });

  test('what only newer versions know stays as it is', () => {
    for (const [text, version] of [
      ['a\u0345\u1df6', 10],
      ['\u{11935}\u{11930}', 13],
      ['a\u0345\u{1e4ec}', 15],
      ['\u{16d67}\u{16d67}', 16],
    ] as const) {
      expect(reference.normalizeString(text), `Unicode ${version}`).toBe(text);
      expect(normalizeNfc(text)).toBe(text);
    }
  });
});

describe('cost and identity', () => {
  test('a mebibyte of marks, in the worst order, is sorted in one go', () => {
    // Classes fall through the text, then it starts again: sorting by insertion would take 10^11 steps.
    const marks = ['\u0345', '\u0360', '\u0301', '\u0316', '\u0321', '\u0334'];
    const falling = marks.map((mark) => mark.repeat(90_000)).join('');
    const mixed = marks.join('').repeat(90_000);
    for (const text of [
      falling,
      mixed,
      `e${falling}`,
      '\u1100\u1161\u11a8'.repeat(120_000),
      '\u1161'.repeat(400_000),
    ]) {
      expect(utf8(text).length).toBeGreaterThan(1024 * 1024);
      const start = performance.now();
      const out = normalizeNfcUtf8(utf8(text));
      // It takes some 50 ms; a quadratic sort takes minutes.
      expect(performance.now() - start).toBeLessThan(2000);
      expect(same(out, utf8(reference.normalizeString(text)))).toBe(true);
    }
  });

  test('text in NFC comes back itself: the same array', () => {
    const texts = ['', 'plain', 'naïve é', 'x\u0301', 'שָׁלוֹם', 'हिन्दी में', 'ภาษาไทยที่', '한국어', '中文', '𝄞𝅘', '\u0301'];
    for (const text of texts.filter((t) => reference.normalizeString(t) === t)) {
      const bytes = utf8(text);
      expect(normalizeNfcUtf8(bytes)).toBe(bytes);
    }
    // A change brings a new array: the caller's is left alone.
    const bytes = utf8('e\u0301');
    expect(Buffer.from(normalizeNfcUtf8(bytes)).toString()).toBe('\u00e9');
    expect(Buffer.from(bytes).toString()).toBe('e\u0301');
  });

  test('bytes that are not UTF-8 stay, and what is between them is normalized', () => {
    const roll = dice(11);
    const bad = [
      [0xff],
      [0xc0, 0x80],
      [0xe0, 0x80],
      [0xed],
      [0xf4, 0x90],
      [0xf8],
      [0xcc],
      [0xe4],
      [0xf0, 0x9d],
      [0x81],
    ];
    let changed = 0;
    for (const text of generated(3000)) {
      const pieces: Uint8Array[] = [];
      const expected: Uint8Array[] = [];
      for (const part of text.match(/.{1,8}/gsu) ?? []) {
        // Bytes that a continuation byte cannot follow, since each part starts with a code point.
        const noise = Uint8Array.from(bad[roll(bad.length)]!);
        pieces.push(utf8(part), noise);
        expected.push(utf8(reference.normalizeString(part)), noise);
      }
      const out = normalizeNfcUtf8(Buffer.concat(pieces));
      expect(same(out, Buffer.concat(expected))).toBe(true);
      changed += same(out, Buffer.concat(pieces)) ? 0 : 1;
    }
    expect(changed).toBeGreaterThan(1000);
  });
});
