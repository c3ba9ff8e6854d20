import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cutParts, inputFile } from '../../src/read/index.ts';
import { errorOf, folder, readAll, readOne } from './fixture.ts';

const dir = folder();
const GOOD = '{"text":"good"}';

const CASES: readonly (readonly [string, string, string | Buffer])[] = [
  ['json-syntax', 'cut', '{"text": "a'],
  ['json-syntax', 'two values', '{"text":"a"} {"text":"b"}'],
  ['json-syntax', 'NUL raw', '{"text":"a\u0000b"}'],
  ['json-syntax', 'a byte-order mark inside', '\ufeff{"text":"a"}'],
  ['not-an-object', 'an array', '["text"]'],
  ['not-an-object', 'null', 'null'],
  ['not-an-object', 'a string', '"text"'],
  ['field-missing', 'other fields', '{"body":"a","title":"b"}'],
  ['field-missing', 'only as __proto__', '{"__proto__":{"text":"a"}}'],
  ['field-not-text', 'a number', '{"text":5}'],
  ['field-not-text', 'null', '{"text":null}'],
  ['invalid-utf8', 'a bad byte', Buffer.from('{"text":"a\xff"}', 'latin1')],
  ['invalid-utf8', 'an overlong slash', Buffer.from('{"text":"\xc0\xaf"}', 'latin1')],
  ['invalid-utf8', 'a surrogate in bytes', Buffer.from('{"text":"\xed\xa0\x80"}', 'latin1')],
  ['invalid-utf8', 'half a pair in an escape', '{"text":"a\\ud83d"}'],
  ['invalid-utf8', 'a pair turned round', '{"text":"\\ude00\\ud83d"}'],
  ['empty-text', 'empty', '{"text":""}'],
  ['too-large', 'too long', `{"text":"${'x'.repeat(200)}"}`],
];
const BAD = CASES.map(([reason, what, bad]) => {
  const bytes = typeof bad === 'string' ? Buffer.from(bad) : bad;
  return [reason, what, bytes] as const;
});

test.each(BAD)('%s: %s, in a line; the lines around it are read', async (reason, _, bad) => {
  const line = bad;
  const content = Buffer.concat([Buffer.from(`${GOOD}\n`), line, Buffer.from(`\n${GOOD}\n`)]);
  const { rejects, texts, results } = await readOne(dir, 'bad.jsonl', content, { documentBytes: 100 });
  expect(rejects).toMatchObject([{ input: 0, record: 1, offset: 16, reason }]);
  expect(rejects[0]?.detail).toMatch(/^[^\n\r]+$/);
  expect(texts).toEqual(['good', 'good']);
  expect(results[0]?.records).toBe(3);
});

// In an array, broken JSON ends the part instead; a byte-order mark and two values are broken JSON there.
test.each(BAD.filter(([reason]) => reason !== 'json-syntax'))('%s: %s, in an array', async (reason, _, bad) => {
  const element = bad;
  const content = Buffer.concat([Buffer.from(`[${GOOD},`), element, Buffer.from(`,${GOOD}]`)]);
  const { rejects, texts, documents } = await readOne(dir, 'bad.json', content, { documentBytes: 100 });
  expect(rejects).toMatchObject([{ input: 0, record: 1, offset: 17, reason }]);
  expect(texts).toEqual(['good', 'good']);
  expect(documents[1]?.origin.record).toBe(2);
});

test('a rejected line names up to eight of the fields that are there', async () => {
  const record = Object.fromEntries(Array.from({ length: 10 }, (_, at) => [`f${at}\n`, at]));
  const { rejects } = await readOne(dir, 'names.jsonl', JSON.stringify(record));
  expect(rejects[0]?.detail).toContain('"f7\\n" and 2 more');
});

test('a wrong --field fails after 100 records, naming the fields; 99 wrong ones and a right one do not', async () => {
  const wrong = '{"body":"a"}\n';
  const error = await errorOf(readOne(dir, 'wrong.jsonl', wrong.repeat(100)));
  expect(error.code).toBe('INPUT_MALFORMED');
  expect(error.message).toContain('"body"');
  expect(error.message).toContain('--field');
  expect(error.message).toContain('--max-rejects');
  const { rejects, texts } = await readOne(dir, 'nearly.jsonl', `${wrong.repeat(99)}${GOOD}\n${wrong.repeat(50)}`);
  expect([rejects.length, texts.length]).toEqual([149, 1]);
});

test('further on in an input any number of records is set aside', async () => {
  const wrong = '{"body":"a"}\n';
  writeFileSync(join(dir, 'later.jsonl'), `${GOOD}\n${wrong.repeat(1100)}${GOOD}\n`);
  const file = await inputFile(join(dir, 'later.jsonl'), dir);
  const parts = await cutParts(file, 0, 17);
  const { rejects, texts } = await readAll([file], [{ ...parts[0]!, end: file.size, start: GOOD.length + 1 }]);
  expect([rejects.length, texts.length]).toEqual([1100, 1]);
});

test('escapes that are no lone surrogates pass, in every field', async () => {
  const content = '{"text":"\\ud83d\\ude00 \\u0000 \\\\ud800","id":"\\ud800"}\n';
  const { texts, documents } = await readOne(dir, 'escapes.jsonl', content);
  expect(texts).toEqual(['😀 \u0000 \\ud800']);
  expect(documents[0]?.id).toBe('\ufffd');
});

test('__proto__ keys and depth 10,000 are harmless', async () => {
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  const record = `{"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}},"deep":${deep},"text":"a"}`;
  expect((await readOne(dir, 'deep.jsonl', record)).texts).toEqual(['a']);
  expect((await readOne(dir, 'deep.json', `[${record}]`)).texts).toEqual(['a']);
  expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
});
