import { readFile } from 'node:fs/promises';
import { Tokenizer as Reference } from 'tokenizers';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  buildModel,
  isForeign,
  loadTokenizer,
  modelBytes,
  openTokenizer,
  readModel,
} from '../../src/tokenize/index.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const real = (name: string) => `node_modules/@lenml/tokenizer-${name}/models/tokenizer.json`;
const FILES = { sample: 'samples/tokenizer.json', qwen: real('qwen2_5'), llama: real('llama3') };

const TEXT = `A <tool_call>{"é": 1}</tool_call><|im_end|><|im_end|>\n<|eot_id|> <|begin_of_text|>x <|mask|><|eos|> <tool_`;

describe.each(Object.entries(FILES))('%s', (_, path) => {
  let bytes: Buffer;
  beforeAll(async () => {
    bytes = await readFile(path);
  });

  test('parse: special tokens are themselves, as in the reference', async () => {
    const reference = Reference.fromString(bytes.toString());
    const tokenizer = loadTokenizer(bytes, path, { specialTokens: 'parse' });
    const ids = tokenizer.encode(utf8(TEXT));
    expect([...ids]).toEqual((await reference.encode(TEXT, null, { addSpecialTokens: false })).getIds());
    expect([...ids]).not.toEqual([...loadTokenizer(bytes, path).encode(utf8(TEXT))]);
  });

  test('reject: their text is refused, other text is encoded', () => {
    const tokenizer = loadTokenizer(bytes, path, { specialTokens: 'reject' });
    expect(() => tokenizer.encode(utf8(TEXT))).toThrow(/special token/);
    expect([...tokenizer.encode(utf8('plain <b>'))]).toEqual([...loadTokenizer(bytes, path).encode(utf8('plain <b>'))]);
  });

  test('template: only when asked for', async () => {
    const reference = Reference.fromString(bytes.toString());
    const tokenizer = loadTokenizer(bytes, path, { template: true });
    expect([...tokenizer.encode(utf8('one two'))]).toEqual((await reference.encode('one two')).getIds());
  });

  test('a model comes back from its bytes, and not from damaged ones', () => {
    const model = buildModel(bytes, path);
    if (isForeign(model)) throw new Error('the kernel should do this file');
    const stored = modelBytes(model);
    const again = openTokenizer(readModel(stored)!);
    const fresh = openTokenizer(model);
    expect([...again.encode(utf8(TEXT))]).toEqual([...fresh.encode(utf8(TEXT))]);
    expect(again.decode(again.encode(utf8(TEXT)))).toBe(TEXT);
    stored[stored.length - 9]! ^= 1;
    expect(readModel(stored)).toBeUndefined();
    expect(readModel(stored.subarray(0, 100))).toBeUndefined();
  });

  test('a text in pieces gives the ids of the whole', () => {
    const tokenizer = loadTokenizer(bytes, path);
    const text = utf8(
      `${TEXT}\n你好，世界。e\u0301e\u0301 x\u0338>\u0338 ${'aaaa'.repeat(9)} 한국어 ${'A\u030a'.repeat(5)}\n  \n\t é end`.repeat(
        4,
      ),
    );
    const whole = tokenizer.encode(text);
    for (const size of [1, 2, 3, 7, 16, 64, 500]) {
      const pieces = Array.from({ length: Math.ceil(text.length / size) }, (_, i) =>
        text.subarray(i * size, (i + 1) * size),
      );
      const runs = [...tokenizer.encodeStream(pieces)];
      expect(runs.flatMap((run) => [...run])).toEqual([...whole]);
      if (size <= 64) expect(runs.length).toBeGreaterThan(3);
    }
  });
});

test('what is not UTF-8 is U+FFFD, and nothing of an earlier text shows', async () => {
  const path = FILES.sample;
  const tokenizer = loadTokenizer(await readFile(path), path);
  tokenizer.encode(utf8('hello wonderful world of stale bytes'));
  for (const bytes of [[0x61, 0xf0, 0x9f], [0xff], [0xc3], [0xe4, 0xbd], [0x80, 0x80], [0xed, 0xa0, 0x80, 0x62]]) {
    const text = new TextDecoder().decode(Uint8Array.from(bytes));
    expect([...tokenizer.encode(Uint8Array.from(bytes))]).toEqual([...tokenizer.encode(utf8(text))]);
  }
});

test('a template around a text of more ids than a stack holds', async () => {
  const json = JSON.parse((await readFile(FILES.sample)).toString()) as Record<string, unknown>;
  json.post_processor = {
    type: 'TemplateProcessing',
    single: [{ SpecialToken: { id: '<|bos|>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
    pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 0 } }],
    special_tokens: { '<|bos|>': { id: '<|bos|>', ids: [0], tokens: ['<|bos|>'] } },
  };
  const bytes = utf8(JSON.stringify(json));
  const text = utf8('one two\n'.repeat(400_000));
  const without = loadTokenizer(bytes, 'template').encode(text);
  const ids = loadTokenizer(bytes, 'template', { template: true }).encode(text);
  expect(without.length).toBeGreaterThan(1_000_000);
  expect(ids.length).toBe(without.length + 1);
  expect(ids[0]).toBe(loadTokenizer(bytes, 'template').idOf('<|bos|>'));
  expect(Buffer.compare(Buffer.from(ids.slice(1).buffer), Buffer.from(without.slice().buffer))).toBe(0);
});
