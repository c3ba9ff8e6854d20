import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { withoutEnding } from '../../src/io/formats.ts';
import { formatOf } from '../../src/read/format.ts';
import { cutParts, inputFile, readParts } from '../../src/read/index.ts';
import { codeOf, folder, OPTIONS, readAll, readOne } from './fixture.ts';
import { ownsMemory } from './json-bytes-fixture.ts';

const dir = folder();
const TEXTS = ['one', 'zwei äöü', '三', 'with "quotes" and \\ and \n', '\u0000nul', '😀'];
const RECORDS = TEXTS.map((text, at) => ({ id: at % 2 ? at : `id-${at}`, text, more: [{ text: 'not this' }, ',]}'] }));
const JSONL = RECORDS.map((record) => `${JSON.stringify(record)}\n`).join('');
const ARRAY = JSON.stringify(RECORDS, null, 2);

const linesOf = (bytes: Buffer): number => bytes.toString().replace(/\n$/, '').split('\n').length;

test.each([
  ['a.jsonl', JSONL],
  ['a.ndjson', JSONL.trimEnd()],
  ['crlf.jsonl', JSONL.replaceAll('\n', '\r\n')],
  ['bom.jsonl', `\ufeff${JSONL}`],
  ['blank.jsonl', `\n  \t\r\n${JSONL.replaceAll('\n', '\n\n')}`],
  ['a.jsonl.gz', gzipSync(JSONL)],
  ['two-members.jsonl.gz', Buffer.concat([gzipSync(JSONL.slice(0, 50)), gzipSync(JSONL.slice(50)), Buffer.alloc(9)])],
  ['a.json', ARRAY],
  ['dense.json', JSON.stringify(RECORDS)],
  ['bom.json', `\ufeff \n${ARRAY}\n `],
  ['a.json.gz', gzipSync(ARRAY)],
] as const)('%s gives the texts, the ids, exact offsets and the hash of the file', async (name, content) => {
  const { documents, texts, rejects, results, progress, cursors } = await readOne(dir, name, content);
  expect(texts).toEqual(TEXTS);
  expect(rejects).toEqual([]);
  expect(documents.map(({ id }) => id)).toEqual(['id-0', '1', 'id-2', '3', 'id-4', '5']);
  expect(documents.map(({ origin }) => origin.record)).toEqual([0, 1, 2, 3, 4, 5]);
  const plain =
    typeof content === 'string' ? Buffer.from(content) : Buffer.from(name.includes('json.gz') ? ARRAY : JSONL);
  documents.forEach(({ origin }, at) => {
    expect(JSON.parse(plain.subarray(origin.start, origin.end).toString())).toEqual(RECORDS[at]);
  });
  const bytes = readFileSync(join(dir, name));
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  const lines =
    /\.(nd)?jsonl?\b/.test(name) && !name.includes('.json.') && !name.endsWith('.json') ? linesOf(plain) : 0;
  expect(results).toEqual([{ part: 0, sha256, size: bytes.length, records: 6, lines }]);
  expect(progress).toEqual({ bytes: bytes.length, documents: 6 });
  expect(cursors.at(-1)).toEqual({ bytes: bytes.length, records: 6 });
});

test('a text file is one document, its name the id, its byte-order mark not in it', async () => {
  const plain = await readOne(dir, 'a.txt', '\ufeffein Text\r\nzwei\u0000');
  expect(plain.texts).toEqual(['ein Text\r\nzwei\u0000']);
  expect(plain.documents[0]).toMatchObject({ id: 'a.txt', origin: { input: 0, record: 0, start: 3, end: 18 } });
  const packed = await readOne(dir, 'b.txt.gz', gzipSync('Text'));
  expect(packed.texts).toEqual(['Text']);
  expect(packed.documents[0]?.id).toBe('b.txt.gz');
});

test('zstd, bzip2 and xz are read as what they hold', async () => {
  const records = (name: string) => readFileSync(join(import.meta.dirname, '../io/compressed', name));
  const plain = await readOne(dir, 'records.jsonl', records('records.jsonl'));
  for (const ending of ['zst', 'bz2', 'xz']) {
    const bytes = records(`records.jsonl.${ending}`);
    const { documents, results, progress } = await readOne(dir, `records.jsonl.${ending}`, bytes);
    expect(documents).toEqual(plain.documents);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    expect([results[0]?.sha256, results[0]?.lines, progress.bytes]).toEqual([sha256, 40, bytes.length]);
    const text = await readOne(dir, `whole.md.${ending}`, bytes);
    expect(text.texts).toEqual([records('records.jsonl').toString()]);
  }
});

test.each([
  ['empty', '', {}, 'empty-text'],
  ['mark', '\ufeff', {}, 'empty-text'],
  ['bad', Buffer.from([0x61, 0xff]), {}, 'invalid-utf8'],
  ['large', 'x'.repeat(101), { documentBytes: 100 }, 'too-large'],
] as const)('a text file that is %s is set aside', async (name, content, options, reason) => {
  const reading = await readOne(dir, `${name}.txt`, content, options);
  expect(reading.rejects.map((reject) => reject.reason)).toEqual([reason]);
  expect(reading.documents).toEqual([]);
  expect(reading.results[0]?.records).toBe(1);
  expect((await readOne(dir, 'just.txt', `\ufeff${'x'.repeat(100)}`, { documentBytes: 100 })).texts).toHaveLength(1);
});

test('batches end at 256 documents or a megabyte, or half as much at the end of a chunk, and documents own their memory', async () => {
  const small = await readOne(dir, 'small.jsonl', '{"text":"x"}\n'.repeat(600));
  expect(small.batches).toEqual([128, 128, 128, 128, 88]);
  const large = await readOne(dir, 'large.jsonl', `${JSON.stringify({ text: 'x'.repeat(600_000) })}\n`.repeat(5));
  // Of chunks of a mebibyte: one document ends in the first.
  expect(large.batches).toEqual([1, 2, 2]);
  for (const { text } of small.documents) expect(ownsMemory(text)).toBe(true);
});

test('parts are read in order, each reported before the next begins', async () => {
  const names = ['p.jsonl', 'q.txt', 'r.json'];
  const contents = ['{"text":"p0"}\nbad\n', 'q', '[{"text":"r0"},{"text":"r1"}]'];
  names.forEach((name, at) => writeFileSync(join(dir, name), contents[at]!));
  const files = await Promise.all(names.map((name) => inputFile(join(dir, name), dir)));
  const parts = (await Promise.all(files.map((file, at) => cutParts(file, at, 2 ** 20)))).flat();
  const reading = await readAll(files, parts);
  expect(reading.texts).toEqual(['p0', 'q', 'r0', 'r1']);
  expect(reading.documents.map(({ origin }) => [origin.input, origin.record])).toEqual([
    [0, 0],
    [1, 0],
    [2, 0],
    [2, 1],
  ]);
  expect(reading.results.map(({ part, records }) => [part, records])).toEqual([
    [0, 2],
    [1, 1],
    [2, 2],
  ]);
  expect(reading.cursors.at(-1)).toEqual({ bytes: contents.join('').length, records: 5 });
});

test('a file of another size than planned is FINGERPRINT_MISMATCH', async () => {
  writeFileSync(join(dir, 'changing.jsonl'), '{"text":"a"}\n');
  const file = await inputFile(join(dir, 'changing.jsonl'), dir);
  writeFileSync(join(dir, 'changing.jsonl'), '{"text":"ab"}\n');
  expect(await codeOf(readAll([file], await cutParts(file, 0, 100)))).toBe('FINGERPRINT_MISMATCH');
});

test('dotted fields go into objects, a name with dots comes first, inherited names do not exist', async () => {
  const lines = '{"meta":{"text":"deep","id":7}}\n{"meta.text":"flat","meta":{"text":"deep"}}\n{"meta":["text"]}\n';
  const reading = await readOne(dir, 'dots.jsonl', lines, { textField: 'meta.text', idField: 'meta.id' });
  expect(reading.texts).toEqual(['deep', 'flat']);
  expect(reading.documents.map(({ id }) => id)).toEqual(['7', null]);
  expect(reading.rejects.map(({ reason }) => reason)).toEqual(['field-missing']);
  const inherited = await readOne(dir, 'proto.jsonl', '{"a":1}\n', { textField: 'constructor.name' });
  expect(inherited.rejects[0]?.reason).toBe('field-missing');
});

const of = (options: object): string => readParts([], [], { ...OPTIONS, ...options }, () => {}).fingerprint;
test('the fingerprint changes with what changes documents, and with nothing else', () => {
  expect(new Set([of({}), of({ textField: 'x' }), of({ idField: null }), of({ documentBytes: 7 })]).size).toBe(4);
  expect(of({})).toBe(of({}));
});

test('formats by name', () => {
  expect(formatOf('/a.b/X.JSONL.GZ')).toEqual({ format: 'jsonl', compression: 'gzip' });
  expect(formatOf('c.txt')).toEqual({ format: 'text', compression: 'none' });
  expect(formatOf('README.md.XZ')).toEqual({ format: 'text', compression: 'xz' });
  expect(formatOf('a.json.bz2')).toEqual({ format: 'json', compression: 'bzip2' });
  expect(formatOf('a.ndjson.zst')).toEqual({ format: 'jsonl', compression: 'zstd' });
  expect(['a.b.jsonl.zst', 'c.PARQUET', 'd', 'e.txt'].map(withoutEnding)).toEqual(['a.b', 'c', 'd', 'e']);
  for (const name of ['a.gz', 'jsonl', 'a.parquet.gz', 'a.csv', '/x.jsonl/readme', 'a.constructor', 'a.jsonl.gz.gz'])
    expect(formatOf(name), name).toBeUndefined();
});
