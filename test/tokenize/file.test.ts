import { constants } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { Tokenizer as Reference } from 'tokenizers';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseTokenizerFile } from '../../src/tokenize/file.ts';
import { loadTokenizer, resolveSpecialIds } from '../../src/tokenize/index.ts';
import { WordTooLong } from '../../src/tokenize/kernel.ts';
import { random, REAL, REAL_NAMES } from '../support/tokenizers.ts';

interface File {
  model: { type: string; vocab: Record<string, unknown>; merges: unknown[] };
  added_tokens: { id: unknown; content: string; special: boolean }[];
}
let good: string;
beforeAll(async () => {
  good = await readFile('samples/tokenizer.json', 'utf8');
});
const load = (text: string) => loadTokenizer(new TextEncoder().encode(text), 't.json');
const changed = (change: (file: File) => void) => {
  const file = JSON.parse(good) as File;
  change(file);
  return JSON.stringify(file);
};

describe('a bad tokenizer.json is TOKENIZER_INVALID with a pointer', () => {
  test.each<[string, string, () => string]>([
    ['text', '', () => 'hello'],
    ['cut off', '', () => good.slice(0, 5000)],
    ['an array', '', () => '[]'],
    ['another JSON', '/model', () => '{"a":1}'],
    ['too deep', '', () => '['.repeat(10_000)],
    ['an unknown type', '/model/type', () => changed((f) => (f.model.type = 'Neural'))],
    ['no vocabulary', '/model/vocab', () => changed((f) => ((f.model as { vocab?: unknown }).vocab = undefined))],
    ['an empty vocabulary', '/model/merges/0', () => changed((f) => (f.model.vocab = {}))],
    ['an id that is text', '/model/vocab/a', () => changed((f) => (f.model.vocab.a = '7'))],
    ['a negative id', '/model/vocab/a', () => changed((f) => (f.model.vocab.a = -1))],
    [
      'far more ids than tokens',
      '/model/vocab',
      () => changed((f) => (Object.assign(f, { added_tokens: [] }).model.vocab['zz/'] = 2_000_000)),
    ],
    ['an id given twice', '/model/vocab/zz~1', () => changed((f) => (f.model.vocab['zz/'] = 3))],
    ['a merge of nothing', '/model/merges/1', () => changed((f) => (f.model.merges[1] = ['\u0001', 'a']))],
    ['a merge of three', '/model/merges/2', () => changed((f) => (f.model.merges[2] = 'a b c'))],
    [
      'an added token without a text',
      '/added_tokens/0/content',
      () => changed((f) => (f.added_tokens[0]!.content = '')),
    ],
    ['an added token on an id that is taken', '/added_tokens/1', () => changed((f) => (f.added_tokens[1]!.id = 5))],
    ['a hole before an added token', '/added_tokens/2/id', () => changed((f) => (f.added_tokens[2]!.id = 4096))],
  ])('%s', (_, pointer, text) => {
    let error: unknown;
    try {
      load(text());
    } catch (thrown) {
      error = thrown;
    }
    expect(error).toMatchObject({ code: 'TOKENIZER_INVALID', details: { file: 't.json', pointer } });
  });
});

describe('the reference numbers added tokens itself', () => {
  const flags = { special: false, lstrip: false, rstrip: false, single_word: false, normalized: false };
  /** A file with these ids. */
  const fileOf = (vocab: Record<string, number>, added: readonly { id: number; content: string }[]): string =>
    JSON.stringify({
      version: '1.0',
      added_tokens: added.map((token) => ({ ...token, ...flags })),
      model: { type: 'BPE', vocab, merges: [] },
    });
  /** Where a file is refused and why; undefined where it is taken. */
  const refusalOf = (file: string): { pointer: string; message: string } | undefined => {
    try {
      parseTokenizerFile(new TextEncoder().encode(file), 't.json');
      return undefined;
    } catch (error) {
      const { code, details, message } = error as { code: string; details: { pointer: string }; message: string };
      expect(code).toBe('TOKENIZER_INVALID');
      return { pointer: details.pointer, message };
    }
  };

  test('a file whose ids it would not keep is refused, with its id', () => {
    const { below, pick } = random(31);
    const seen = { taken: 0, refused: 0, twice: 0, holes: 0 };
    for (let i = 0; i < 3000; i++) {
      // Ids with a hole now and then, in the vocabulary and after it; added tokens of the vocabulary, or twice.
      let id = 0;
      const next = () => (id += below(8) === 0 ? 2 : 1);
      const vocab = Object.fromEntries(Array.from('abcdef').map((token) => [token, next() - 1]));
      const entries = Object.entries(vocab);
      const added = Array.from({ length: 1 + below(4) }, () => {
        if (below(6) > 0) return { content: pick(['W', 'X', 'Y', 'Z', `${id}`, `_${id}`]), id: next() - 1 };
        const [content, known] = pick(entries);
        return { content, id: below(5) === 0 ? next() - 1 : known };
      });
      const file = fileOf(vocab, added);
      const reference = Reference.fromString(file);
      const other = added.findIndex((token) => reference.tokenToId(token.content) !== token.id);
      const refusal = refusalOf(file);
      const twice = refusal?.message.includes('is given to both') === true;
      if (twice) seen.twice++;
      else if (other < 0) {
        expect({ file, refusal }).toEqual({ file, refusal: undefined });
        seen.taken++;
        if (Math.max(...Object.values(vocab)) >= entries.length) seen.holes++;
      } else {
        const { content, id } = added[other]!;
        expect({ file, pointer: refusal?.pointer }).toEqual({ file, pointer: `/added_tokens/${other}/id` });
        expect(refusal?.message).toContain(
          `is ${id}, but Hugging Face's tokenizers would give "${content}" id ${reference.tokenToId(content)}`,
        );
        seen.refused++;
      }
    }
    expect(seen.taken).toBeGreaterThan(500);
    expect(seen.refused).toBeGreaterThan(500);
    expect(seen.holes).toBeGreaterThan(50);
    expect(seen.twice).toBeLessThan(500);
  });

  test('a hole below, in the vocabulary, is none of its business', () => {
    const vocab = { a: 0, b: 1, c: 200 };
    // As GPT-4o's <|endofprompt|>: of the vocabulary, so its id is known, and no hole after it counts.
    const [c, x] = [{ content: 'c', id: 200 }, { content: 'X', id: 3 }]; // prettier-ignore
    for (const added of [[c], [c, x], [x, c], [x]]) {
      expect(refusalOf(fileOf(vocab, added))).toBeUndefined();
      const reference = Reference.fromString(fileOf(vocab, added));
      expect(added.map(({ content }) => reference.tokenToId(content))).toEqual(added.map(({ id }) => id));
    }
    // The next after the largest id would be 201: the reference counts 3 entries.
    const refused = fileOf(vocab, [c, { content: 'X', id: 201 }]);
    expect(refusalOf(refused)).toMatchObject({ pointer: '/added_tokens/1/id' });
    expect(Reference.fromString(refused).tokenToId('X')).toBe(3);
  });

  test.each(REAL_NAMES)('it keeps all of %s', async (name) => {
    expect(refusalOf(await readFile(REAL[name], 'utf8'))).toBeUndefined();
  });
});

describe('special ids', () => {
  test('are found by their usual names', () => {
    expect(resolveSpecialIds(load(good), {})).toEqual({
      specialIds: { mask: 4093, bos: 4094, eos: 4095, pad: 4095 },
      vocabSize: 4096,
    });
  });
  test('a tokenizer without a mask token gets the next id', () => {
    const text = changed((f) => (f.added_tokens[0]!.content = '<|another|>'));
    expect(resolveSpecialIds(load(text), {})).toMatchObject({ specialIds: { mask: 4096 }, vocabSize: 4097 });
  });
  test('may be given by id or text', () => {
    expect(resolveSpecialIds(load(good), { mask: 126336, eos: '<|bos|>' })).toMatchObject({
      specialIds: { mask: 126336, eos: 4094, pad: 4094 },
      vocabSize: 126337,
    });
    expect(() => resolveSpecialIds(load(good), { mask: 100 })).toThrow(/ordinary token/);
    expect(() => resolveSpecialIds(load(good), { eos: '<|none|>' })).toThrow(/special_tokens.eos/);
    expect(() => resolveSpecialIds(load(good), { mask: '<|eos|>' })).toThrow(/also bos, eos or pad/);
  });
});

test('merges whose ids are chosen to fall into a few buckets are left to the library', () => {
  // The hash of kernel/merge.as.ts: of 65,536 pairs of bytes those that share 7 of 512 buckets.
  const bucketOf = (left: number, right: number): number => {
    let hash = (Math.imul(left, 0x9e3779b1) + Math.imul(right, 0x85ebca6b)) >>> 0;
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35) >>> 0;
    return (hash ^ (hash >>> 13)) & 511;
  };
  const { json } = parseTokenizerFile(new TextEncoder().encode(good), 'good');
  const bytes = Object.entries((JSON.parse(good) as File).model.vocab as Record<string, number>)
    .filter(([token]) => [...token].length === 1)
    .map(([token], id) => ({ token, id }));
  expect(bytes.length).toBe(256);
  const pairs = bytes.flatMap((left) => bytes.map((right) => [left, right] as const));
  const made = (buckets: number) => {
    const chosen = pairs.filter(([left, right]) => bucketOf(left.id, right.id) < buckets).slice(0, 900);
    const vocab = Object.fromEntries(bytes.map(({ token, id }) => [token, id]));
    for (const [i, [left, right]] of chosen.entries()) vocab[left.token + right.token] = 256 + i;
    const merges = chosen.map(([left, right]) => [left.token, right.token]);
    const model = { ...(json.model as object), vocab, merges };
    return loadTokenizer(new TextEncoder().encode(JSON.stringify({ ...json, added_tokens: [], model })), 'made');
  };
  expect(made(512).engine).toMatch(/ultraprep/);
  const library = made(7);
  expect(library.engine).toMatch(/collide/);
  // A text is a string there.
  const long = new Uint8Array(constants.MAX_STRING_LENGTH + 1);
  expect(() => library.encode(long)).toThrow(WordTooLong);
});
