/** A record that is not held gives what the same record gives that is: document, id, group, hash, or the same refusal at the same place. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Reject } from '../../src/core/document.ts';
import type { Room } from '../../src/core/stage.ts';
import { roomIn } from '../../src/io/room.ts';
import { cutParts, inputFile, type PartResult, type ReadOptions, readParts, type Range } from '../../src/read/index.ts';
import { filesBelow } from '../support/folders.ts';
import { codeOf, folder, OPTIONS } from './fixture.ts';
import { ASKED, draws, mutant, recordLine } from './json-bytes-fixture.ts';

const dir = folder();
const rooms = join(dir, 'rooms');
const utf8 = (text: string): Uint8Array => new TextEncoder().encode(text);
const LF = utf8('\n');

interface Read {
  made: { documents: unknown[]; rejects: Reject[]; results: PartResult[] };
  long: number;
}

/** Reads a file; with `longBytes`, records of more are not held. */
async function read(
  path: string,
  options: Partial<ReadOptions>,
  longBytes?: number,
  cut: ((content: Uint8Array) => Iterable<Uint8Array>) | null = null,
  content: Uint8Array = new Uint8Array(),
  room: () => Promise<Room> = () => roomIn(rooms, 'text'),
): Promise<Read> {
  const file = await inputFile(path, dir);
  const made: Read['made'] = { documents: [], rejects: [], results: [] };
  let long = 0;
  const range: Range | null = cut && { input: 0, start: 0, chunks: each(cut(content)), last: () => true };
  const asked = { ...OPTIONS, ...options, ...(longBytes !== undefined && { longBytes }) };
  const source = readParts([file], await cutParts(file, 0, 2 ** 30), asked, (of) => made.results.push(of), range);
  const context = { reject: (reject: Reject) => void made.rejects.push(reject), progress() {} };
  for await (const { items } of source.read(longBytes === undefined ? context : { ...context, room }))
    for (const { long: text, ...document } of items) {
      if (text) long += 1;
      const pieces = [];
      if (text) for await (const piece of text.chunks()) pieces.push(piece);
      const all = text ? Buffer.concat(pieces) : Buffer.from(document.text);
      expect(text?.bytes ?? all.length).toBe(all.length);
      made.documents.push({
        ...document,
        hash: Buffer.from(document.hash).toString('hex'),
        text: all.toString('latin1'),
      });
    }
  return { made, long };
}

// eslint-disable-next-line @typescript-eslint/require-await
async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}

function* cutAt(content: Uint8Array, most: () => number, again = true): Generator<Uint8Array> {
  for (let at = 0; at < content.length;) {
    const size = 1 + most();
    // With `again`, in memory that is another's as soon as the next one is asked for.
    const piece = new Uint8Array(content.subarray(at, at + size));
    yield piece;
    if (again) piece.fill(0x22);
    at += size;
  }
}

function mixed(seed: number, fields: (typeof ASKED)[number], count: number): Uint8Array {
  const draw = draws(seed);
  const made = [utf8(recordLine(draw, fields))];
  for (let i = 0; i < count; i++) {
    const good = utf8(recordLine(draw, fields));
    made.push(draw(2) === 0 ? good : mutant(draw, good, made.at(-1)!));
    if (draw(20) === 0) made.push(utf8(' \t\r'));
  }
  return Buffer.concat(made.flatMap((line) => [line, LF]));
}

test.each(ASKED.map((fields, i) => [fields, i] as const))('lines, good and bad: %o', async (fields, i) => {
  const draw = draws(100 + i);
  const content = mixed(i, fields, 350);
  const options = { textField: fields.text, idField: fields.id, documentBytes: 400 };
  writeFileSync(join(dir, 'mixed.jsonl'), content);
  writeFileSync(join(dir, 'mixed.jsonl.gz'), gzipSync(content));
  for (const groupField of [null, fields.id])
    for (const name of ['mixed.jsonl', 'mixed.jsonl.gz']) {
      const path = join(dir, name);
      const asked = { ...options, groupField };
      const held = await read(path, asked);
      expect(held.long).toBe(0);
      expect(held.made.documents.length).toBeGreaterThan(60);
      expect(new Set(held.made.rejects.map(({ reason }) => reason))).toContain('json-syntax');
      expect(new Set(held.made.rejects.map(({ reason }) => reason))).toContain('too-large');
      const all = await read(path, asked, 0);
      expect(all.long).toBe(held.made.documents.length);
      expect(all.made).toEqual(held.made);
      const some = await read(path, asked, 100);
      expect(some.long).toBeGreaterThan(5);
      expect(some.long).toBeLessThan(all.long);
      expect(some.made).toEqual(held.made);
      // A range of what somebody else reads, in chunks that end anywhere.
      const cut = (bytes: Uint8Array) => cutAt(bytes, () => draw(60));
      const range = await read(path, asked, undefined, cut, content);
      expect(range.made.documents).toEqual(held.made.documents);
      expect((await read(path, asked, 0, cut, content)).made).toEqual(range.made);
      expect((await read(path, asked, 50, cut, content)).made).toEqual(range.made);
    }
  expect(filesBelow(rooms)).toEqual([]);
});

/** What a reader of JSON may judge in its own way. */
const STRANGE = [
  '{"text":"a"}x',
  '{"text":"a"}}',
  '{"text":"a"} null',
  '{"text":"a"}{"text":"b"}',
  '{"text":"a",}',
  '{"text":"a" "id":1}',
  '{,"text":"a"}',
  '{"text":"a","id":[1,]}',
  '{"text":"a","id":[,1]}',
  '{"text":"a","id":[1 2]}',
  '{"text":"a","id":01}',
  '{"text":"a","id":-}',
  '{"text":"a","id":-01}',
  '{"text":"a","id":1.}',
  '{"text":"a","id":.5}',
  '{"text":"a","id":+5}',
  '{"text":"a","id":1e}',
  '{"text":"a","id":1e+}',
  '{"text":"a","id":1e400}',
  '{"text":"a","id":-0}',
  '{"text":"a","id":0x10}',
  '{"text":"a","id":NaN}',
  '{"text":"a","id":Infinity}',
  '{"text":"a","id":nul}',
  '{"text":"a","id":nulll}',
  '{"text":"a","id":True}',
  '{"text":"a","id":truefalse}',
  '{"text":"a","id":true é}',
  '{"text":"a","id":trueé}',
  "{'text':'a'}",
  '{text:"a"}',
  '{"text":"a"//comment\r}',
  '{"text":"a"/**/}',
  '{"text":"a\tb"}',
  '{"text":"a\u0000b"}',
  '{"text":"a\u001fb"}',
  '{"text":"a\u007fb\u2028\u2029"}',
  '{"te\txt":"a"}',
  '{"text":"\\a"}',
  '{"text":"\\u12"}',
  '{"text":"\\u12g4"}',
  '{"text":"\\U0041"}',
  '{"text":"\\x41"}',
  '{"text":"\\\'"}',
  '{"text":"a\\',
  '{"text":"a',
  '{"text":"a"',
  '{"text":',
  '{"text"',
  '{',
  '[',
  '"',
  '"text"',
  '"\\ud800"',
  '12',
  '-',
  '1.5e3',
  'true',
  'tru',
  'null',
  'nullnull',
  '[]',
  '[{"text":"a"}]',
  '[1,2',
  '{}',
  '{"":""}',
  '\u00a0{"text":"a"}',
  '{"text":\u00a0"a"}',
  '\ufeff{"text":"a"}',
  '{"text":"\ufeffa"}',
  '\u000b{"text":"a"}',
  '\f{"text":"a"}',
  '{"text":"\\ud83d\\ude00"}',
  '{"text":"\\ud83d","text":"b"}',
  '{"text":"b","text":"\\ud83d"}',
  '{"text":"\\ude00\\ud83d"}',
  '{"text":"\\ud83d\\ud83d\\ude00"}',
  '{"text":"a","id":"\\ud83d"}',
  '{"te\\ud83dxt":"a"}',
  '{"a\\ud83d":"x"}',
  '{"a\ufffd":"y"}',
  '{"text":1}',
  '{"text":null}',
  '{"text":[]}',
  '{"text":{}}',
  '{"text":true}',
  '{"text":"a","text":7}',
  '{"text":7,"text":"a"}',
  '{"text":""}',
  '{"text":"a","text":""}',
  '{"b":1,"10":2,"9":3,"a":4,"b":5,"c":6,"d":7,"e":8,"f":9,"g":10}',
  `{"${'n'.repeat(600)}":1,"${'n'.repeat(600)}x":2}`,
  '{"__proto__":{"text":"a"},"constructor":1}',
  '{"__proto__":"a"}',
  '{"meta":{"text":"a"}}',
  '{"text":"a","meta":{"text":7},"meta":{"text":"b"},"meta":{}}',
  `{"text":"a","deep":${'['.repeat(5000)}${']'.repeat(5000)}}`,
  `{"text":"a","deep":${'['.repeat(5000)}${']'.repeat(4999)}}`,
  `{"text":"a","id":${'1'.repeat(5000)}}`,
  `{"text":"${'ä三😀\\n'.repeat(3000)}","id":"${'i'.repeat(7000)}"}`,
  '   ',
  '\r',
];

test('what JSON.parse refuses is refused, for the same reason', async () => {
  const draw = draws(9);
  const bad = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf0, 0x9f, 0x98]].flatMap((bytes) => [
    Buffer.concat([utf8('{"text":"a'), Uint8Array.from(bytes)]),
    Buffer.concat([utf8('{"text":"a'), Uint8Array.from(bytes), utf8('"}')]),
  ]);
  // What another line is must not hang on the one before it.
  const lines = [...STRANGE.map(utf8), ...bad].flatMap((line) => [line, utf8('{"text":"good"}')]);
  const content = Buffer.concat([utf8('\ufeff'), ...lines.flatMap((line) => [line, LF]), utf8('{"text":"last"}')]);
  const path = join(dir, 'strange.jsonl');
  writeFileSync(path, content);
  for (const [text, id] of [
    ['text', 'id'],
    ['meta.text', 'meta'],
    ['__proto__', null],
    ['a\ufffd', 'id'],
    ['__proto__.text', 'text'],
  ] as const) {
    const options = { textField: text, idField: id };
    const held = await read(path, options);
    for (const [longBytes, most] of [
      [0, 1],
      [0, 40_000],
      [30, 7],
      [5000, 3000],
    ] as const) {
      expect((await read(path, options, longBytes)).made).toEqual(held.made);
      const cut = (bytes: Uint8Array) => cutAt(bytes, () => draw(most));
      const range = (await read(path, options, undefined, cut, content)).made;
      expect((await read(path, options, longBytes, cut, content)).made).toEqual(range);
    }
    expect(held.made.documents.length).toBeGreaterThan(text === 'text' ? 100 : 0);
  }
});

test('a line of several chunks over the cap is set aside with its place, and the next is read', async () => {
  const path = join(dir, 'cap.jsonl');
  const cap = 2_000_000;
  const line = (bytes: number) => `{"text":"${'x'.repeat(bytes - 11)}"}\n`;
  writeFileSync(path, `\ufeff${line(cap)}${line(cap + 1)}${line(2 * cap)}{"text":"next"}\n${line(cap)}`);
  const { made, long } = await read(path, { documentBytes: cap }, 100_000);
  expect(long).toBe(2);
  expect(made.documents).toMatchObject([{ origin: { start: 3, record: 0 } }, { text: 'next' }, { id: null }]);
  expect(made.rejects).toMatchObject([
    {
      record: 1,
      line: 1,
      offset: 3 + cap + 1,
      reason: 'too-large',
      detail: expect.stringContaining(`${cap + 1} bytes`) as string,
    },
    { record: 2, line: 2, reason: 'too-large', detail: expect.stringContaining(`${2 * cap} bytes`) as string },
  ]);
  expect(made).toEqual((await read(path, { documentBytes: cap })).made);
});

test.each([ASKED[0]!, ASKED[3]!, ASKED[5]!])('elements of an array: %o', async (fields) => {
  const draw = draws(17);
  const elements: Uint8Array[] = [];
  for (let i = 0; i < 400; i++) {
    const line = recordLine(draw, fields);
    // stream-json makes objects, in which that name is not a member like any other.
    if (line.includes('proto')) continue;
    const bad = Buffer.concat([utf8('{"text":"a'), Uint8Array.from([0xff]), utf8('"}')]);
    elements.push(utf8(i % 3 === 0 ? '\n ' : ''), utf8(line), utf8(i % 5 === 0 ? ' \r\n' : ''), utf8(','));
    if (i % 40 === 7) elements.push(bad, utf8(' , 7,"x", null ,[1,{"text":2}],'));
  }
  const content = Buffer.concat([utf8('\ufeff [ '), ...elements, utf8(' {"text":"last"} ] \n')]);
  const options = { textField: fields.text, idField: fields.id, documentBytes: 400 };
  const path = join(dir, 'elements.json');
  writeFileSync(path, content);
  const cut = (bytes: Uint8Array) => cutAt(bytes, () => draw(60), false);
  for (const groupField of [null, fields.id]) {
    const asked = { ...options, groupField };
    const held = await read(path, asked);
    expect(new Set(held.made.rejects.map(({ reason }) => reason))).toContain('too-large');
    expect(new Set(held.made.rejects.map(({ reason }) => reason))).toContain('invalid-utf8');
    for (const longBytes of [0, 60]) {
      const whole = await read(path, asked, longBytes);
      expect(whole.long).toBeGreaterThan(longBytes === 0 ? 100 : 20);
      const pieces = await read(path, asked, longBytes, cut, content);
      for (const { made } of [whole, pieces]) {
        expect(made.documents).toEqual(held.made.documents);
        // What is not UTF-8 is told with the white space around it.
        const told = ({ detail, ...reject }: Reject) => ({ ...reject, detail: detail.replace(/in \d+$/, '') });
        expect(made.rejects.map(told)).toEqual(held.made.rejects.map(told));
      }
    }
  }
  expect(filesBelow(rooms)).toEqual([]);
});

test.each([
  '[{"text":"a"},{"text":"b"x}]',
  '[{"text":"a"},]',
  '[{"text":"a"} {"text":"b"}]',
  '[{"text":"a"},tru]',
  '[,1]',
  '[{"text":"\\x"}]',
])('an array that is none: %s', async (content) => {
  const path = join(dir, 'none.json');
  writeFileSync(path, content);
  expect([await codeOf(read(path, {})), await codeOf(read(path, {}, 0))]).toEqual([
    'INPUT_MALFORMED',
    'INPUT_MALFORMED',
  ]);
  expect(filesBelow(rooms)).toEqual([]);
});

test('a few words beside much else are held, and nothing is left of them elsewhere', async () => {
  const records = Array.from({ length: 40 }, (_, i) => ({ more: 'x'.repeat(2000), text: 'w'.repeat(1 + i), id: i }));
  for (const [name, content] of [
    ['words.jsonl', records.map((record) => `${JSON.stringify(record)}\n`).join('')],
    ['words.json', JSON.stringify(records)],
  ] as const) {
    const path = join(dir, name);
    writeFileSync(path, content);
    const [held, long] = [await read(path, {}), await read(path, {}, 1280)];
    expect(long.made).toEqual(held.made);
    // Of 1 to 40 bytes, 20 are longer than 1280 / 64.
    expect(long.long).toBe(20);
  }
});

test('arrays of nothing', async () => {
  const path = join(dir, 'nothing.json');
  for (const content of ['[]', '[     ]', ' [\n\n\n\n\n]\n']) {
    writeFileSync(path, content);
    expect((await read(path, {}, 0)).made).toMatchObject({ documents: [], rejects: [] });
  }
});

test.each(['jsonl', 'json'])(
  'the room of a text is used again when the next one was asked for: .%s',
  async (format) => {
    const path = join(dir, `again.${format}`);
    const records = Array.from({ length: 6 }, (_, id) => JSON.stringify({ id, text: `${id}`.repeat(1_500_000) }));
    writeFileSync(path, format === 'json' ? `[${records.join(',')}]` : records.join('\n'));
    let end = 0;
    const room = async (): Promise<Room> => {
      const inner = await roomIn(rooms, 'text');
      const write = (at: number, bytes: Uint8Array) => {
        end = Math.max(end, at + bytes.length);
        return inner.write(at, bytes);
      };
      return { ...inner, write };
    };
    const options = { documentBytes: 2_000_000 };
    const { made, long } = await read(path, options, 1_200_000, null, undefined, room);
    expect(long).toBe(6);
    expect(made).toEqual((await read(path, options)).made);
    expect(end).toBeGreaterThan(1_500_000 - 1);
    expect(end).toBeLessThan(3_500_000);
  },
);

test('a disk that fails under a room is a coded error', async () => {
  const path = join(dir, 'disk.jsonl');
  writeFileSync(path, `{"text":"${'x'.repeat(1_000_000)}"}\n`);
  const no = join(dir, 'no');
  writeFileSync(no, '');
  const reading = (room: () => Promise<Room>) => read(path, {}, 1000, null, undefined, room);
  expect(await codeOf(reading(() => roomIn(no, 'text')))).toBe('IO_FAILED');
  const room = await roomIn(rooms, 'text');
  await room.write(0, utf8('three'));
  await room.write(2, utf8('y'));
  const into = new Uint8Array(3);
  await room.read(1, into);
  expect(Buffer.from(into).toString()).toBe('hye');
  expect(await codeOf(room.read(3, into))).toBe('IO_FAILED');
  room.release();
});
