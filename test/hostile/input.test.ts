import { randomBytes } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { codeOf, errorOf, folder, readOne } from '../read/fixture.ts';

const dir = folder();
const RECORDS = Array.from({ length: 40 }, (_, at) => ({ text: `record ${at} ${randomBytes(6).toString('hex')}` }));
const JSONL = RECORDS.map((record) => `${JSON.stringify(record)}\n`).join('');
const ARRAY = JSON.stringify(RECORDS);

test.each([
  ['cut.jsonl.gz', gzipSync(JSONL)],
  ['cut.json.gz', gzipSync(ARRAY)],
  ['cut.txt.gz', gzipSync(JSONL)],
])('%s cut at every byte is INPUT_TRUNCATED with the place, never a short read', async (name, content) => {
  expect(content.length).toBeGreaterThan(100);
  for (let size = 0; size < content.length; size++) {
    const error = await errorOf(readOne(dir, name, content.subarray(0, size)));
    expect([error.code, error.details['offset']], `cut at ${size}`).toEqual(['INPUT_TRUNCATED', size]);
  }
  expect((await readOne(dir, name, content)).documents.length).toBeGreaterThan(0);
});

test('gzip followed by something else is an error, also behind zeros, where zlib stops in silence', async () => {
  const good = gzipSync(JSONL);
  const tails = ['junk', '\u001f', '\u0000\u0000junk', `\u0000${good.toString('latin1')}`];
  for (const tail of tails) {
    const content = Buffer.concat([good, Buffer.from(tail, 'latin1')]);
    expect(await codeOf(readOne(dir, 'tail.jsonl.gz', content)), JSON.stringify(tail)).toBe('INPUT_TRUNCATED');
  }
  expect((await readOne(dir, 'zeros.jsonl.gz', Buffer.concat([good, Buffer.alloc(20)]))).texts).toHaveLength(40);
});

test('a damaged gzip is found by its checksum', async () => {
  const bad = gzipSync(JSONL);
  bad[bad.length - 6] = bad[bad.length - 6]! ^ 1;
  const error = await errorOf(readOne(dir, 'crc.jsonl.gz', bad));
  expect(error.code).toBe('INPUT_TRUNCATED');
});

test('JSON Lines cut at every byte: documents and rejects are the records that are there', async () => {
  const content = Buffer.from(JSONL.slice(0, 400));
  for (let size = 0; size <= content.length; size++) {
    const part = content.subarray(0, size);
    const lines = part
      .toString()
      .split('\n')
      .filter((line) => line !== '');
    const { documents, rejects, results } = await readOne(dir, 'cut.jsonl', part);
    expect(documents.length + rejects.length, `cut at ${size}`).toBe(lines.length);
    expect(rejects.length).toBe(lines.length > 0 && !lines.at(-1)!.endsWith('}') ? 1 : 0);
    expect(results[0]?.records).toBe(lines.length);
  }
});

test('an array cut at every byte is INPUT_TRUNCATED', async () => {
  const content = Buffer.from(JSON.stringify(RECORDS.slice(0, 5), null, 1));
  for (let size = 0; size < content.length; size++) {
    expect(await codeOf(readOne(dir, 'cut.json', content.subarray(0, size))), `cut at ${size}`).toBe('INPUT_TRUNCATED');
  }
  expect((await readOne(dir, 'cut.json', content)).documents).toHaveLength(5);
});

test.each([
  ['an object', '{"text":"a"}', 'byte 0'],
  ['JSON lines', '{"text":"a"}\n{"text":"b"}', 'byte 0'],
  ['a string', ' "a"', 'byte 1'],
  ['a second array', '[{"text":"a"}] []', 'byte 15'],
  ['a missing comma', '[{"text":"a"} {"text":"b"}]', 'record 0'],
  ['a trailing comma', '[{"text":"a"},]', 'record 1'],
  ['a leading comma', '[,{"text":"a"}]', 'record 0'],
  ['a brace for a bracket', '[{"text":"a"}}', 'record 0'],
  ['crossed brackets', '[{"text":[}],"a":1}]', 'record 0'],
  ['a bare word', '[{"text":"a"},{"text":nope}]', 'record 1'],
  ['single quotes', "[{'text':'a'}]", 'record 0'],
  ['a comment', '[{"text":"a"}, // no\n{"text":"b"}]', 'record 1'],
  ['a bad escape', '[{"text":"\\x41"}]', 'record 0'],
  ['NaN', '[NaN]', 'record 0'],
])('in place of an array, %s is INPUT_MALFORMED with its place', async (_, content, place) => {
  const error = await errorOf(readOne(dir, 'bad.json', content));
  expect(error.code).toBe('INPUT_MALFORMED');
  expect(String(error.details['place'])).toContain(place);
});

test('an empty array has no records; brackets, quotes and commas in strings are text', async () => {
  expect((await readOne(dir, 'empty.json', ' [ ] ')).results[0]?.records).toBe(0);
  const texts = ['],[', '"', '\\', '{"', '\\"]'];
  expect((await readOne(dir, 'tricky.json', JSON.stringify(texts.map((text) => ({ text }))))).texts).toEqual(texts);
});

test('a 40 MiB line under a 1 MiB cap is set aside in bounded memory, and the next is read', async () => {
  const content = Buffer.concat([
    Buffer.from('{"text":"'),
    Buffer.alloc(40 * 1024 * 1024, 'x'),
    Buffer.from('"}\n{"text":"next"}\n'),
  ]);
  for (const name of ['long.jsonl', 'long.json'] as const) {
    const bytes =
      name === 'long.json'
        ? Buffer.concat([Buffer.from('['), content.subarray(0, -17), Buffer.from(',{"text":"next"}]')])
        : content;
    const { rejects, texts } = await readOne(dir, name, bytes, { documentBytes: 1024 * 1024 });
    expect(rejects).toMatchObject([{ record: 0, reason: 'too-large' }]);
    expect(texts).toEqual(['next']);
  }
});

test('an element exactly as large as the cap is read, one byte more is not', async () => {
  const element = '{"text":"abc"}';
  const options = { documentBytes: element.length };
  expect((await readOne(dir, 'cap.json', `[${element}]`, options)).texts).toEqual(['abc']);
  expect((await readOne(dir, 'cap.jsonl', `\ufeff${element}\n`, options)).texts).toEqual(['abc']);
  const less = { documentBytes: element.length - 1 };
  expect((await readOne(dir, 'cap.json', `[${element}]`, less)).rejects).toMatchObject([{ reason: 'too-large' }]);
  expect((await readOne(dir, 'cap.jsonl', element, less)).rejects).toMatchObject([{ reason: 'too-large' }]);
});
