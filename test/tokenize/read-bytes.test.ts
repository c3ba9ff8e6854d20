import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { isPrepError } from '../../src/core/errors.ts';
import { parseTokenizerFile, type TokenizerFile } from '../../src/tokenize/file.ts';
import { readBytes } from '../../src/tokenize/read-bytes.ts';
import { isObject, readJson } from '../../src/tokenize/read-json.ts';
import { random, REAL, REAL_NAMES, utf8 } from '../support/tokenizers.ts';

/** Small, but with all that matters to the reader: escapes, two-byte characters, both forms of merges, a text with "vocab". */
const SMALL = `{"version":"1.0","added_tokens":[{"id":9,"content":"<s>","special":true}],
"model":{"type":"BPE","vocab":{"a":0,"b" : 1,"ab":2,"\\"":3,"\\\\":4,"\\"\\\\":5,"Ġ":6,"Ġa":7,"0":8},
"merges":["a b",["\\"","\\\\"],"Ġ a"]},"decoder":{"type":"ByteLevel"}}`;

/** What was read from bytes is what JSON.parse gives; false where it is left to JSON.parse. */
function readAlike(bytes: Uint8Array): boolean {
  const read = readBytes(bytes);
  if (!read) return false;
  let file: TokenizerFile;
  try {
    file = parseTokenizerFile(bytes, 't.json');
  } catch (error) {
    // Of the rest of the file, which is the same for both.
    if (isPrepError(error) && /^\/(model\/type|added_tokens)/.test(String(error.details?.pointer))) return false;
    throw error;
  }
  const invalid = (pointer: string, problem: string) => new Error(`${pointer}: ${problem}`);
  const { json, ids } = file.whole();
  if (!isObject(json.model)) throw new Error('no model');
  const { vocabulary, merges } = readJson(json.model, 'BPE', invalid);
  const { model: a, ...rest } = json;
  const { model: b, ...readRest } = file.json;
  expect(readRest).toEqual(rest);
  expect({ ...(b as object), vocab: 0, merges: 0 }).toEqual({ ...(a as object), vocab: 0, merges: 0 });
  expect(Buffer.compare(bytesOf(read.merges), bytesOf(merges))).toBe(0);
  expect([read.vocabulary.length, read.vocabulary.size]).toEqual([vocabulary.length, vocabulary.size]);
  const [ours, theirs] = [new Uint8Array(1000), new Uint8Array(1000)];
  const wrong = [...vocabulary.ids].filter(([token, id]) => {
    const same = read.vocabulary.write(id, ours, 0) === vocabulary.write(id, theirs, 0);
    return !same || read.vocabulary.idOf(token) !== id || read.vocabulary.tokenOf(id) !== token;
  });
  expect(wrong).toEqual([]);
  expect([...ids].filter(([token, id]) => file.idOf(token) !== id)).toEqual([]);
  return true;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array) => Buffer.from(buffer, byteOffset, byteLength);

test.each(REAL_NAMES)('%s is read from its bytes, as JSON.parse reads it', (name) => {
  expect(readAlike(readFileSync(REAL[name]))).toBe(true);
});

const swapped = (from: string, to: string) => SMALL.replace(from, () => to);

describe('what is read from bytes', () => {
  test.each([
    ['as it is', SMALL],
    ['indented', JSON.stringify(JSON.parse(SMALL), null, '\t').replaceAll('\n', '\r\n')],
    ['escapes of one byte and two', SMALL.replaceAll('Ġ', '\\u0120').replaceAll('a b', '\\u0061 \\u0062')],
    ['escapes up to the last', swapped('"0":8', '"\\u0000\\u007F\\u0080\\u07fF":8')],
    ['a byte order mark', `\ufeff${SMALL}`],
    ['a token that is a byte order mark', swapped('"0":8', '"\ufeff":8')],
    ['a key that is there twice outside', swapped('"version":"1.0"', '"version":1,"version":2')],
    ['a vocabulary inside a text', swapped('"1.0"', '"\\"vocab\\":{\\"a\\":0}"')],
    ['__proto__', swapped('"0":8', '"__proto__":8')],
  ])('%s', (_, text) => expect(readAlike(utf8(text))).toBe(true));
});

describe('what is left to JSON.parse', () => {
  test.each([
    ['a token twice', swapped('"0":8', '"a":8')],
    ['an id twice', swapped('"0":8', '"0":7')],
    ['another escape', swapped('"0":8', '"\\n":8')],
    ['a token twice, once escaped', swapped('"0":8', '"\\u0061":8')],
    ['an escape that is none', swapped('"0":8', '"\\u003@":8')],
    ['an escape of three bytes', swapped('"0":8', '"\\u0800":8')],
    ['an escape cut off', swapped('"0":8', '"\\u003":8')],
    ['half a surrogate pair', swapped('"0":8', '"\\ud800":8')],
    ['a control character', swapped('"0":8', '"\t":8')],
    ['a leading zero', swapped('"0":8', '"0":08')],
    ['a minus', swapped('"a":0', '"a":-0')],
    ['a fraction', swapped('"0":8', '"0":8.0')],
    ['an exponent', swapped('"0":8', '"0":8e0')],
    ['an id too large', swapped('"0":8', '"0":2097152')],
    ['an id beyond all numbers', swapped('"0":8', `"0":${'9'.repeat(400)}`)],
    ['a comma at the end', swapped('"0":8', '"0":8,')],
    ['two spaces in a merge', swapped('a b', 'a  b')],
    ['half a merge', swapped('a b', 'a ')],
    ['a merge of three', swapped('"\\\\"],', '"\\\\","a"],')],
    ['no merges', SMALL.replace(/"merges":.*\]/, '"merges":[]')],
    ['merges first', SMALL.replace(/("vocab".*),\n("merges".*\])\}/, '$2,$1}')],
    ['an added token that looks like the key', swapped('"<s>"', '"vocab"')],
    ['a vocabulary in another object', swapped('"version":"1.0"', '"other":{"vocab":{"a":0}}')],
    ['a key that ends like it', swapped('"version":"1.0"', '"\\"vocab":{"a":0,"b":1,"ab":2}')],
    ['a second vocabulary', swapped('"type":"BPE"', '"type":"BPE","vocab":{"a":0,"b":1,"ab":2}')],
    ['a second model', swapped('"decoder"', '"model":{},"decoder"')],
    ['a second vocabulary spelled otherwise', swapped('"type":"ByteLevel"}', '"type":1},"mod\\u0065l":{"vocab":{}}')],
    ['merges of another object', SMALL.replace(/\n("merges".*)\}(,"decoder":\{)/, '"x":1}$2$1,')],
    ['text behind the end', `${SMALL}}`],
    ['cut off', SMALL.slice(0, -1)],
    ['too deep', swapped('"1.0"', '['.repeat(65) + ']'.repeat(65))],
  ])('%s', (_, text) => {
    expect(text).not.toBe(SMALL);
    expect(readBytes(utf8(text))).toBeUndefined();
  });
  test('bytes that are not UTF-8', () => {
    const bytes = utf8(SMALL);
    bytes[bytes.lastIndexOf(0xc4)] = 0xff;
    expect(readBytes(bytes)).toBeUndefined();
  });
});

test('of 20,000 files with small changes each is read alike or left', () => {
  const { below, pick } = random(5);
  const parts = [
    ...'{}[]",:\\ \n019.-eab\tĠ',
    '\\"',
    '\\u0061',
    '"vocab":',
    '"merges":',
    '"a b",',
    '"model":{',
    'null',
  ];
  let alike = 0;
  for (let i = 0; i < 20_000; i++) {
    let text = SMALL;
    for (let changes = 1 + below(2); changes > 0; changes--) {
      const at = below(text.length);
      const end = at + below(3);
      text = text.slice(0, at) + (below(4) === 0 ? '' : pick(parts)) + text.slice(end);
    }
    if (readAlike(utf8(text))) alike++;
  }
  expect(alike).toBeGreaterThan(2000);
  expect(alike).toBeLessThan(18_000);
});
