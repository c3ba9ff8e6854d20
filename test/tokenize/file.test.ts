import { readFile } from 'node:fs/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { loadTokenizer, resolveSpecialIds } from '../../src/tokenize/index.ts';

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
    ['an id given twice', '/model/vocab/zz~1', () => changed((f) => (f.model.vocab['zz/'] = 3))],
    ['a merge of nothing', '/model/merges/1', () => changed((f) => (f.model.merges[1] = ['\u0001', 'a']))],
    ['a merge of three', '/model/merges/2', () => changed((f) => (f.model.merges[2] = 'a b c'))],
    [
      'an added token without a text',
      '/added_tokens/0/content',
      () => changed((f) => (f.added_tokens[0]!.content = '')),
    ],
    ['an added token on an id that is taken', '/added_tokens/1', () => changed((f) => (f.added_tokens[1]!.id = 5))],
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

describe('special ids', () => {
  test('are found by their usual names', () => {
    expect(resolveSpecialIds(load(good), {})).toEqual({
      specialIds: { mask: 4093, bos: 4094, eos: 4095, pad: 4095 },
      vocabSize: 4096,
    });
  });
  test('a tokenizer without a mask token gets the next id', () => {
    const text = changed((f) => (f.added_tokens = f.added_tokens.filter(({ content }) => content !== '<|mask|>')));
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
