import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parquetWriteBuffer, type ColumnSource } from 'hyparquet-writer';
import { parquetMetadata, type SchemaElement } from 'hyparquet';
import { expect, test } from 'vitest';
import { PageChecks } from '../../src/read/parquet-pages.ts';
import { cutParts, inputFile } from '../../src/read/index.ts';
import { codeOf, errorOf, folder, readAll, readOne } from './fixture.ts';

const dir = folder();
const TEXTS = ['one', 'zwei äöü', '三', '😀', 'five', 'six', 'seven'];

function parquet(columnData: ColumnSource[], rowGroupSize = 3): Uint8Array {
  return new Uint8Array(parquetWriteBuffer({ columnData, rowGroupSize }));
}
const column = (name: string, data: unknown[], type: NonNullable<ColumnSource['type']> = 'STRING'): ColumnSource => ({
  name,
  data,
  type,
  nullable: true,
});
const numbers = TEXTS.map((_, at) => BigInt(at * 10));
const FILE = parquet([
  column(
    'other',
    TEXTS.map((t) => t.repeat(100)),
  ),
  column('text', TEXTS),
  column('id', numbers, 'INT64'),
]);

test('texts, ids, row numbers; nothing of the other columns is read', async () => {
  const { texts, documents, results, progress } = await readOne(dir, 'a.parquet', FILE);
  expect(texts).toEqual(TEXTS);
  expect(documents.map(({ id }) => id)).toEqual(['0', '10', '20', '30', '40', '50', '60']);
  expect(documents.map(({ origin }) => [origin.record, origin.start, origin.end])).toEqual(
    TEXTS.map((_, at) => [at, at, at + 1]),
  );
  for (const { text } of documents) expect(text.buffer.byteLength).toBe(text.length);
  expect(results[0]?.records).toBe(7);
  const [part] = await cutParts(await inputFile(join(dir, 'a.parquet'), dir), 0, 2 ** 30);
  expect(progress.bytes).toBe(part?.bytes);

  // A byte of a column that is not read changes no hash; one of the texts does.
  const again = await readOne(dir, 'a.parquet', FILE);
  expect(again.results).toEqual(results);
  const others = parquet([
    column(
      'other',
      TEXTS.map((t) => t.repeat(99)),
    ),
    column('text', TEXTS),
    column('id', numbers, 'INT64'),
  ]);
  expect((await readOne(dir, 'b.parquet', others)).results).toEqual(results);
  const changed = parquet([column('text', [...TEXTS.slice(1), 'new']), column('id', numbers, 'INT64')]);
  expect((await readOne(dir, 'c.parquet', changed)).results[0]?.sha256).not.toBe(results[0]?.sha256);
});

test('row groups are shared out by size, and parts give the whole', async () => {
  writeFileSync(join(dir, 'groups.parquet'), FILE);
  const file = await inputFile(join(dir, 'groups.parquet'), dir);
  const one = await cutParts(file, 0, 1);
  expect(one.map(({ start, end }) => [start, end])).toEqual([
    [0, 1],
    [1, 2],
    [2, 3],
  ]);
  expect((await cutParts(file, 0, 2 ** 30)).map(({ start, end }) => [start, end])).toEqual([[0, 3]]);
  const { texts, documents, results } = await readAll([file], one);
  expect(texts).toEqual(TEXTS);
  expect(documents[3]?.origin).toEqual({ input: 0, record: 0, start: 3, end: 4 });
  expect(results.map(({ records }) => records)).toEqual([3, 3, 1]);
  expect(new Set(results.map(({ sha256 }) => sha256)).size).toBe(3);
});

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
test('binary columns are text if they are UTF-8; null, empty, large and bad ones are set aside', async () => {
  const data = [bytes('good'), null, bytes(''), bytes('\xff'), bytes('x'.repeat(60)), bytes('\xc3\xa4')];
  const { texts, rejects, documents } = await readOne(
    dir,
    'binary.parquet',
    parquet([column('text', data, 'BYTE_ARRAY')]),
    { documentBytes: 50 },
  );
  expect(texts).toEqual(['good', 'ä']);
  expect(rejects.map(({ offset, reason }) => [offset, reason])).toEqual([
    [1, 'field-not-text'],
    [2, 'empty-text'],
    [3, 'invalid-utf8'],
    [4, 'too-large'],
  ]);
  expect(documents.map(({ origin, id }) => [origin.record, id])).toEqual([
    [0, null],
    [5, null],
  ]);
});

test('a column without a byte-order mark rule: what is in a value stays in the text', async () => {
  expect((await readOne(dir, 'bom.parquet', parquet([column('text', ['\ufeffa'])]))).texts).toEqual(['\ufeffa']);
});

test('the text may be the id too, and a repeated value (a dictionary page) is whole', async () => {
  const data = Array.from({ length: 50 }, (_, at) => `value ${at % 3}`);
  const { texts, documents } = await readOne(dir, 'same.parquet', parquet([column('text', data)], 20), {
    idField: 'text',
  });
  expect(texts).toEqual(data);
  expect(documents[49]?.id).toBe('value 1');
});

test('no text column, or one of numbers, names what is there', async () => {
  const error = await errorOf(readOne(dir, 'none.parquet', FILE, { textField: 'body' }));
  expect(error.code).toBe('INPUT_MALFORMED');
  expect(error.message).toContain('"other", "text", "id"');
  expect(await codeOf(readOne(dir, 'int.parquet', FILE, { textField: 'id' }))).toBe('INPUT_MALFORMED');
});

test('every truncation is coded, and so is what is no Parquet file', async () => {
  for (let size = 0; size < FILE.length; size++) {
    const code = await codeOf(readOne(dir, 'cut.parquet', FILE.subarray(0, size)));
    expect(code, `cut at ${size}`).toBe('INPUT_TRUNCATED');
  }
  expect(await codeOf(readOne(dir, 'text.parquet', 'this is not a parquet file, PAR1'))).toBe('INPUT_MALFORMED');
});

// One bit of each byte, so three of them make a run length of 2^30 or so: hyparquet alone fills memory with it for minutes.
test('any flipped bit gives the same, rejects, or a coded error, and never another shape of failure', async () => {
  const outcomes = new Map<string, number>();
  const runs: string[] = [];
  for (let at = 0; at < FILE.length; at++) {
    const bad = Uint8Array.from(FILE);
    bad[at] = bad[at]! ^ (1 << (at % 8));
    const outcome = await readOne(dir, 'flip.parquet', bad).then(
      ({ results, documents, rejects }) =>
        results[0]?.records === documents.length + rejects.length ? 'read' : 'lost',
      (error: { code?: string; message: string }) => {
        if (error.message.includes('a run of')) runs.push(error.message);
        return error.code ?? 'uncoded';
      },
    );
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }
  expect([...outcomes.keys()].filter((key) => !['read', 'INPUT_MALFORMED', 'INPUT_TRUNCATED'].includes(key))).toEqual(
    [],
  );
  expect(outcomes.get('INPUT_MALFORMED')).toBeGreaterThan(100);
  expect(runs.length).toBeGreaterThan(2);
}, 60_000);

test('pages that end before they begin, or hold more than their chunk, are refused', () => {
  const metadata = parquetMetadata(FILE);
  const text = metadata.row_groups[0]!.columns[1]!.meta_data!;
  const start = Number(text.dictionary_page_offset || text.data_page_offset);
  const page = FILE.slice(start, start + Number(text.total_compressed_size));
  const check = (change: (bytes: Uint8Array) => void, values = text.num_values): void => {
    const bytes = page.slice();
    change(bytes);
    new PageChecks(metadata).add(new DataView(bytes.buffer), { ...text, num_values: values });
  };
  expect(() => check(() => {})).not.toThrow();
  // Thrift: field 1 (type), 2 (uncompressed size), 3 (compressed size): 15 xx, 15 xx, 15 xx; an odd zigzag is negative.
  expect(page[4]).toBe(0x15);
  expect(() => check((header) => (header[5] = header[5]! | 1))).toThrow('bytes');
  expect(() => check(() => {}, 2n)).toThrow('declares');
  expect(() => check(() => {}, 4n)).toThrow('3 of 4 values');
});

test('a flipped bit of the footer of nested columns is an error, or read, and ends', async () => {
  const schema: SchemaElement[] = [
    { name: 'root', num_children: 2 },
    { name: 'id', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
    { name: 'in', num_children: 1, repetition_type: 'OPTIONAL' },
    { name: 'text', type: 'BYTE_ARRAY', converted_type: 'UTF8', repetition_type: 'OPTIONAL' },
  ];
  const columnData = [
    { name: 'id', data: TEXTS },
    { name: 'in', data: TEXTS.map((text) => ({ text })) },
  ];
  const good = new Uint8Array(parquetWriteBuffer({ columnData, schema, rowGroupSize: 3 }));
  expect((await readOne(dir, 'nested.parquet', good, { textField: 'in.text' })).texts).toEqual(TEXTS);
  const footer = good.length - 8 - new DataView(good.buffer).getUint32(good.length - 8, true);
  const codes = new Set<string>();
  // The counts of children are near its start: a negative one had hyparquet go back and forth for ever.
  for (let bit = footer * 8; bit < Math.min(good.length, footer + 80) * 8; bit++) {
    const bad = Uint8Array.from(good);
    bad[bit >> 3]! ^= 1 << (bit & 7);
    const read = readOne(dir, 'nested.parquet', bad, { textField: 'in.text' });
    codes.add(
      await read.then(
        () => 'read',
        (error: { code?: string }) => error.code ?? 'uncoded',
      ),
    );
  }
  expect([...codes].sort()).toEqual(['INPUT_MALFORMED', 'read']);
});
