import {
  Binary,
  type DataType,
  Dictionary,
  Field,
  Int32,
  LargeUtf8,
  List,
  Struct,
  Table,
  tableToIPC,
  Utf8,
  Utf8View,
  vectorFromArray,
} from 'apache-arrow';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { isPrepError } from '../../src/core/errors.ts';
import { cutParts, inputFile } from '../../src/read/index.ts';
import { codeOf, errorOf, folder, readAll, readOne } from './fixture.ts';

const dir = folder();
const TEXTS = ['one', 'zwei äöü', '三', '😀', 'a text of more than twelve bytes', 'six', 'seven'];
const FORMS = ['stream', 'file'] as const;
type Form = (typeof FORMS)[number];

/** Record batches of these rows, the columns of each type. */
function written(form: Form, type: DataType, batches: readonly (readonly (string | null)[])[]): Uint8Array {
  // arrow-js gives each batch a dictionary of its own, which a file cannot have.
  const parts = form === 'file' && type instanceof Dictionary ? [batches.flat()] : batches;
  const tables = parts.map((rows) => {
    const text = vectorFromArray(rows as unknown[], type);
    return new Table({ id: vectorFromArray([...rows.keys()], new Int32()), text });
  });
  return tableToIPC(tables.length === 1 ? tables[0]! : tables[0]!.concat(...tables.slice(1)), form);
}
const HALVES = [TEXTS.slice(0, 3), TEXTS.slice(3)];

test.each(FORMS.flatMap((form) => [new Utf8(), new LargeUtf8(), new Utf8View()].map((type) => [form, type] as const)))(
  '%s form, %s: texts, ids, row numbers',
  async (form, type) => {
    const { texts, documents, rejects, results } = await readOne(dir, 'a.arrow', written(form, type, HALVES));
    expect(texts).toEqual(TEXTS);
    expect(rejects).toEqual([]);
    expect(documents.map(({ id }) => id)).toEqual(['0', '1', '2', '0', '1', '2', '3']);
    expect(documents.map(({ origin }) => [origin.record, origin.start, origin.end])).toEqual(
      TEXTS.map((_, at) => [at, at, at + 1]),
    );
    for (const { text } of documents) expect(text.buffer.byteLength).toBe(text.length);
    expect(results[0]?.records).toBe(7);
  },
);

test.each(FORMS)('%s form: a dictionary, whichever part asks for it', async (form) => {
  const rows = [
    ['a', 'b', 'a', null],
    ['b', 'b'],
  ];
  const type = new Dictionary(new Utf8(), new Int32(), 7);
  writeFileSync(join(dir, 'd.arrow'), written(form, type, rows));
  const file = await inputFile(join(dir, 'd.arrow'), dir);
  for (const splitBytes of [1, 2 ** 30]) {
    const parts = await cutParts(file, 0, splitBytes);
    expect(parts.length).toBe(splitBytes === 1 && form === 'stream' ? 2 : 1);
    const { texts, rejects } = await readAll([file], parts);
    expect(texts).toEqual(['a', 'b', 'a', 'b', 'b']);
    expect(rejects).toMatchObject([{ record: 3, offset: 3, reason: 'field-not-text' }]);
  }
});

test('record batches are shared out by size, and parts give the whole', async () => {
  writeFileSync(join(dir, 'p.arrow'), written('stream', new Utf8(), HALVES));
  const file = await inputFile(join(dir, 'p.arrow'), dir);
  const parts = await cutParts(file, 0, 1);
  expect(parts.map(({ start, end }) => [start, end])).toEqual([
    [0, 1],
    [1, 2],
  ]);
  const { texts, documents, progress, results } = await readAll([file], parts);
  expect(texts).toEqual(TEXTS);
  expect(documents[3]?.origin).toEqual({ input: 0, record: 0, start: 3, end: 4 });
  expect(progress.bytes).toBe(parts.reduce((sum, { bytes }) => sum + bytes, 0));
  expect(new Set(results.map(({ sha256 }) => sha256)).size).toBe(2);
});

test('null, empty, large and bad texts are set aside; binary that is UTF-8 is text', async () => {
  const rows = ['good', '', 'x'.repeat(60)].map((text) => Buffer.from(text));
  const text = vectorFromArray([...rows, null, Buffer.from([0xff])], new Binary());
  const { texts, rejects } = await readOne(dir, 'b.arrow', tableToIPC(new Table({ text }), 'stream'), {
    documentBytes: 50,
  });
  expect(texts).toEqual(['good']);
  expect(rejects.map(({ record, reason }) => [record, reason])).toEqual([
    [1, 'empty-text'],
    [2, 'too-large'],
    [3, 'field-not-text'],
    [4, 'invalid-utf8'],
  ]);
});

test('fields in structs, prompts, and messages', async () => {
  const message = new Struct([new Field('role', new Utf8()), new Field('content', new Utf8())]);
  const table = new Table({
    meta: vectorFromArray(
      [{ text: 'deep', id: 'x' }],
      new Struct([new Field('text', new Utf8()), new Field('id', new Utf8())]),
    ),
    messages: vectorFromArray(
      [
        [
          { role: 'user', content: 'q' },
          { role: 'assistant', content: 'ä' },
        ],
      ],
      new List(new Field('item', message)),
    ),
  });
  const bytes = tableToIPC(table, 'stream');
  const deep = await readOne(dir, 's.arrow', bytes, { textField: 'meta.text', idField: 'meta.id' });
  expect(deep.documents.map(({ id, text }) => [id, Buffer.from(text).toString()])).toEqual([['x', 'deep']]);
  const template = '{% for m in messages %}<{{ m.content }}>{% endfor %}';
  const form = { format: 'messages', messages: 'messages', template, tokens: {} } as const;
  const chat = await readOne(dir, 's.arrow', bytes, { form });
  expect(chat.texts).toEqual(['<q><ä>']);
  expect(chat.documents[0]?.prompt?.bytes).toBe(4);
  const pairs = { format: 'prompt-response', prompt: 'meta.id', response: 'meta.text' } as const;
  expect((await readOne(dir, 's.arrow', bytes, { form: pairs })).texts).toEqual(['xdeep']);
});

test('a field that is not there, or no text, is said at once', async () => {
  const bytes = written('stream', new Utf8(), HALVES);
  for (const textField of ['body', 'text.deep', 'id']) {
    const error = await errorOf(readOne(dir, 'f.arrow', bytes, { textField }));
    expect([error.code, error.message]).toEqual(['INPUT_MALFORMED', expect.stringContaining('--field')]);
  }
  expect((await readOne(dir, 'f.arrow', bytes, { idField: 'none' })).documents[0]?.id).toBeNull();
});

test.each(FORMS)('%s form cut at every byte is an error', async (form) => {
  const bytes = written(form, new Dictionary(new Utf8(), new Int32(), 1), HALVES);
  for (let size = 0; size < bytes.length; size++)
    expect(['INPUT_TRUNCATED', 'INPUT_MALFORMED'], `cut at ${size}`).toContain(
      await codeOf(readOne(dir, 'cut.arrow', bytes.subarray(0, size))),
    );
  expect((await readOne(dir, 'cut.arrow', bytes)).texts).toEqual(TEXTS);
});

test.each(FORMS)('%s form with a bit of any byte turned: an error, a reject, or as many documents', async (form) => {
  const bytes = written(form, new Dictionary(new LargeUtf8(), new Int32(), 1), HALVES);
  let errors = 0;
  for (let at = 0; at < bytes.length; at++)
    for (const bit of [1, 0x80]) {
      const bad = Uint8Array.from(bytes);
      bad[at]! ^= bit;
      try {
        const { documents, rejects } = await readOne(dir, 'flip.arrow', bad);
        expect(documents.length + rejects.length, `byte ${at}, bit ${bit}`).toBe(7);
      } catch (error) {
        if (!isPrepError(error)) throw error;
        errors += 1;
      }
    }
  expect(errors).toBeGreaterThan(100);
});

test('another file by that name, and an empty one', async () => {
  expect(await codeOf(readOne(dir, 'x.arrow', ''))).toBe('INPUT_TRUNCATED');
  expect(await codeOf(readOne(dir, 'x.arrow', '{"text":"not arrow at all"}\n'))).toBe('INPUT_MALFORMED');
  const junk = Buffer.concat([written('stream', new Utf8(), HALVES), Buffer.from('junk')]);
  expect(await codeOf(readOne(dir, 'x.arrow', junk))).toBe('INPUT_MALFORMED');
});
