import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { RecordScanner } from '../../src/read/json-bytes.ts';
import { recordOf } from '../../src/read/json-record.ts';
import { isBlank, takeText } from '../../src/read/record.ts';
import { folder, readOne } from './fixture.ts';
import { ASKED, difference, draws, inChunk, mutant, nothing, ownsMemory, recordLine } from './json-bytes-fixture.ts';

const dir = folder();
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const TEXT = { text: 'text', id: 'id' };
const scan = (line: string | Uint8Array, fields = TEXT) =>
  new RecordScanner(fields).scan(typeof line === 'string' ? utf8(line) : line);
const textOf = (line: string): string | undefined => {
  const found = scan(line);
  return found === null ? undefined : Buffer.from(found.text).toString();
};

test('20,000 generated records: what the scanner takes is what JSON.parse gives', () => {
  const draw = draws(1);
  const scanners = ASKED.map((fields) => new RecordScanner(fields));
  const seen = nothing();
  for (let count = 0; count < 20_000; count++) {
    const at = draw(ASKED.length);
    const line = inChunk(draw, utf8(recordLine(draw, ASKED[at]!)));
    expect(difference(scanners[at]!, line, ASKED[at]!, seen)).toBeUndefined();
  }
  expect(seen.documents).toBeGreaterThan(10_000);
  expect(seen.scanned / seen.documents).toBeGreaterThan(0.9);
  // They are all JSON.
  expect([...seen.refused.keys()].sort()).toEqual([
    'empty-text',
    'field-missing',
    'field-not-text',
    'invalid-utf8',
    'not-an-object',
  ]);
});

test('20,000 damaged lines: nothing is taken that JSON.parse refuses, nor as something else', () => {
  const draw = draws(2);
  const scanners = ASKED.map((fields) => new RecordScanner(fields));
  const seen = nothing();
  let other = utf8('{"text":"\\ud83d\\ude00"}');
  for (let count = 0; count < 20_000; count++) {
    const at = draw(ASKED.length);
    const good = utf8(recordLine(draw, ASKED[at]!));
    const line = inChunk(draw, mutant(draw, good, other));
    expect(difference(scanners[at]!, line, ASKED[at]!, seen)).toBeUndefined();
    other = good;
  }
  expect(seen.refused.get('json-syntax')).toBeGreaterThan(8000);
  expect(seen.refused.get('invalid-utf8')).toBeGreaterThan(500);
  expect(seen.documents).toBeGreaterThan(2000);
  expect(seen.scanned / seen.documents).toBeGreaterThan(0.9);
});

test.each([ASKED[0]!, ASKED[3]!])(
  'a file of good and bad lines gives the same documents and rejects: %o',
  async (fields) => {
    const draw = draws(3);
    const made = [utf8(recordLine(draw, fields))];
    for (let count = 0; count < 6000; count++) {
      const good = utf8(recordLine(draw, fields));
      made.push(draw(2) === 0 ? good : mutant(draw, good, made.at(-1)!));
      if (draw(20) === 0) made.push(utf8(' \t\r'));
    }
    const content = Buffer.concat(made.flatMap((line) => [line, Buffer.from('\n')]));
    const options = { textField: fields.text, idField: fields.id };
    const { documents, rejects } = await readOne(dir, 'mixed.jsonl', content, options);

    const expected: unknown[] = [];
    const refused: unknown[] = [];
    let record = 0;
    for (let start = 0, line = 0; start < content.length; line++) {
      const end = content.indexOf(0x0a, start);
      const bytes = new Uint8Array(content.subarray(start, end));
      if (!isBlank(bytes)) {
        const truth = recordOf(bytes, takeText(fields));
        if ('reason' in truth) refused.push({ input: 0, record, line, offset: start, ...truth });
        else {
          const hash = createHash('sha256').update(truth.text).digest();
          expected.push({ origin: { input: 0, record, start, end }, id: truth.id, text: truth.text, group: 0n, hash });
        }
        record += 1;
      }
      start = end + 1;
    }
    expect(expected.length).toBeGreaterThan(1500);
    expect(refused.length).toBeGreaterThan(1000);
    expect(rejects).toEqual(refused);
    expect(documents).toEqual(expected);
  },
);

test('every escape and every forbidden byte, at every place in a word', () => {
  const seen = nothing();
  const scanner = new RecordScanner(TEXT);
  const same = (line: Uint8Array): void => expect(difference(scanner, line, TEXT, seen)).toBeUndefined();
  const pieces = Array.from({ length: 256 }, (_, byte) => Buffer.from([byte]));
  pieces.push(...pieces.map((byte) => Buffer.concat([Buffer.from('\\'), byte])));
  for (const piece of ['\\u00e4', '\\uD83D\\uDE00', '\\ud83d', '\\u12', '\\u00g0', '\\u-001', '\\u 041', '😀', 'ä'])
    pieces.push(Buffer.from(piece));
  for (const piece of pieces)
    for (let before = 0; before < 10; before++)
      for (const behind of ['', 'x', 'x'.repeat(9)])
        for (const [head, tail] of [
          ['{"text":"', '"}'],
          ['{"text":"a","other":"', '"}'],
          ['{"text":"a","', '":1}'],
        ]) {
          const start = Buffer.from(head! + 'x'.repeat(before));
          same(Buffer.concat([start, piece, Buffer.from(behind + tail!)]));
        }
  // 256 bytes, 256 behind a backslash, 9 others: JSON.parse takes the ASCII ones but 34, eight escapes, and four others.
  expect(seen.documents / 90).toBeGreaterThan(100);
  // A name with half a surrogate pair, in ten places before three endings, is left to JSON.parse.
  expect(seen.documents - seen.scanned).toBe(30);
});

test('a line cut anywhere is not taken, whatever stands behind it', () => {
  const whole = Buffer.from('{"a":[-1.5e+3,true,{"b":null}],"text":"a \\ud83d\\ude00 b","id":12} }}}}"]]1');
  const length = whole.indexOf('} }') + 1;
  expect(scan(whole.subarray(0, length))).toEqual({ text: utf8('a 😀 b'), id: '12' });
  for (let end = 0; end < length; end++) expect(scan(whole.subarray(0, end)), `cut at ${end}`).toBeNull();
  expect(scan(whole)).toBeNull();
});

test('numbers are those of JSON', () => {
  const good = ['0', '-0', '10', '0.0', '1e0', '1E00', '1e+0', '-1.20E-03'];
  const bad = ['-', '+1', '01', '-01', '.5', '1.', '1.e1', '1e', '1e+', '0x1', '1_0', 'NaN', '-Infinity', '1 2', '--1'];
  for (const number of [...good, ...bad])
    for (const line of [`{"text":"a","n":${number}}`, `{"text":"a","n":[${number}]}`, `{"text":"a","id":${number} }`]) {
      const truth = recordOf(utf8(line), takeText(TEXT));
      expect(scan(line), line).toEqual('reason' in truth ? null : truth);
      expect('reason' in truth, line).toBe(bad.includes(number));
    }
});

test('the last of one name counts, a name with dots comes before a path, and a path starts again with its object', () => {
  expect(textOf('{"text":"a","text":"b"}')).toBe('b');
  expect(textOf('{"te\\u0078t":"a"}')).toBe('a');
  expect(textOf('{"text":"a","text":5}')).toBeUndefined();
  expect(textOf('{"text":{"text":"a"}}')).toBeUndefined();
  const deep = { text: 'meta.text', id: 'meta.id' };
  const of = (line: string) => {
    const found = scan(line, deep);
    return found === null ? null : [Buffer.from(found.text).toString(), found.id];
  };
  expect(of('{"meta":{"text":"a","id":1}}')).toEqual(['a', '1']);
  expect(of('{"meta":{"text":"a"},"meta.text":"b"}')).toEqual(['b', null]);
  expect(of('{"meta":{"text":"a","id":1},"meta":{"text":"b"}}')).toEqual(['b', null]);
  for (const none of ['{"meta":{"text":"a"},"meta":{}}', '{"meta":[{"text":"a"}]}', '{"x":{"meta":{"text":"a"}}}'])
    expect(of(none)).toBeNull();
});

test('depth: 60,000 in the scanner, 1,000,000 by JSON.parse', async () => {
  const nested = (depth: number) => `{"deep":${'['.repeat(depth)}${']'.repeat(depth)},"text":"a"}`;
  expect(textOf(nested(60_000))).toBe('a');
  expect(textOf(`{"deep":${'{"a":'.repeat(60_000)}1${'}'.repeat(60_000)},"text":"a"}`)).toBe('a');
  expect(textOf(nested(100_000))).toBeUndefined();
  const { texts, rejects } = await readOne(dir, 'deep.jsonl', nested(1_000_000), { documentBytes: 2 ** 24 });
  expect([texts, rejects]).toEqual([['a'], []]);
});

test('a text larger than the room that is kept, and a small one behind it, own their memory', () => {
  const scanner = new RecordScanner(TEXT);
  const large = 'a line\n'.repeat(1_000_000);
  const found = scanner.scan(utf8(JSON.stringify({ text: large })));
  expect(Buffer.from(found!.text).toString() === large).toBe(true);
  const small = scanner.scan(Buffer.from('{"text":"a\\nb"}'));
  expect(small).toEqual({ text: utf8('a\nb'), id: null });
  expect(found!.text.subarray(0, 7)).toEqual(utf8('a line\n'));
  expect([found!.text, small!.text].map(ownsMemory)).toEqual([true, true]);
});

test('a field name that is no Unicode string is for JSON.parse', () => {
  const fields = { text: '\ud800', id: null };
  const line = utf8('{"\\ud800":"a","\ufffd":"b"}');
  expect(new RecordScanner(fields).scan(line)).toBeNull();
  // As bytes that name would be U+FFFD, which is another one.
  expect(new RecordScanner(fields).scan(utf8('{"\ufffd":"b"}'))).toBeNull();
  expect(recordOf(line, takeText(fields))).toMatchObject({ text: utf8('a') });
});
