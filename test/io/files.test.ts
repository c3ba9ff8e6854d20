import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { byteChunks } from '../../src/io/bytes.ts';
import { exists, listFolder, openForRead, readAll, readRange, remove, stat } from '../../src/io/files.ts';
import { sha256OfFile } from '../../src/io/hash.ts';
import { lines, type Span } from '../../src/io/lines.ts';
import { codeOf, folder } from '../read/fixture.ts';

const dir = folder();
const path = join(dir, 'bytes');
const content = Buffer.from(Array.from({ length: 2_500_000 }, (_, at) => at % 251));
writeFileSync(path, content);

test('ranges are exact, and one past the end is an error and no short read', async () => {
  expect(Buffer.from(await readRange(path, 10, 20))).toEqual(content.subarray(10, 20));
  expect(await codeOf(readRange(path, content.length - 1, content.length + 1))).toBe('IO_FAILED');
  expect(await codeOf(readRange(path, -1, 5))).toBe('IO_FAILED');
  expect(await codeOf(readAll(path, content.length - 1))).toBe('IO_FAILED');
  expect((await readAll(path, content.length)).length).toBe(content.length);
  expect(await codeOf(openForRead(join(dir, 'missing')))).toBe('IO_FAILED');
  expect(await codeOf(openForRead(dir))).toBe('IO_FAILED');
});

test('chunks and hashes of a range', async () => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of byteChunks(path, 5)) chunks.push(chunk);
  expect(chunks.map(({ length }) => length)).toEqual([1_048_576, 1_048_576, 402_843]);
  expect(Buffer.concat(chunks).equals(content.subarray(5))).toBe(true);
  const digest = createHash('sha256').update(content.subarray(7, 2_000_000)).digest('hex');
  expect(await sha256OfFile(path, 7, 2_000_000)).toBe(digest);
});

test('stat, list and remove', async () => {
  expect(await stat(path)).toMatchObject({ kind: 'file', size: content.length });
  expect(await stat(dir)).toMatchObject({ kind: 'folder' });
  expect(await stat(join(path, 'below-a-file'))).toBeUndefined();
  writeFileSync(join(dir, 'B'), '');
  expect(await listFolder(dir)).toEqual(['B', 'bytes']);
  await remove(join(dir, 'B'));
  await remove(join(dir, 'B'));
  expect(await exists(join(dir, 'B'))).toBe(false);
});

/** The lines of some chunks, copied: they are good until the next ones are asked for. */
async function split(chunks: readonly (string | Buffer)[], start: number, cap: number): Promise<Span[]> {
  const spans: Span[] = [];
  const source = (async function* () {
    for (const chunk of chunks) yield Buffer.from(chunk);
  })();
  for await (const some of lines(source, start, cap))
    for (const { bytes, ...span } of some) spans.push({ ...span, bytes: bytes && new Uint8Array(bytes) });
  return spans;
}
const shown = (spans: Span[]): unknown[] =>
  spans.map(({ start, end, bytes }) => [start, end, bytes && Buffer.from(bytes).toString()]);

test('lines: however the bytes are cut into chunks, the same spans', async () => {
  const text = '\ufeffab\n\nlonger than ten\nc\r\nlast';
  const want = [
    [3, 5, 'ab'],
    [6, 6, ''],
    [7, 22, null],
    [23, 25, 'c\r'],
    [26, 30, 'last'],
  ];
  const bytes = Buffer.from(text);
  for (let size = 1; size <= bytes.length; size++) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
    expect(shown(await split(chunks, 0, 10)), `chunks of ${size}`).toEqual(want);
  }
});

test('lines: a start that is not 0 shifts offsets and keeps a byte-order mark; the cap is exact', async () => {
  expect(shown(await split(['\ufeffa\n'], 100, 10))).toEqual([[100, 104, '\ufeffa']]);
  expect(shown(await split(['1234\n123', '45\n123456\n'], 0, 5))).toEqual([
    [0, 4, '1234'],
    [5, 10, '12345'],
    [11, 17, null],
  ]);
  expect(shown(await split(['a\n'], 0, 5))).toEqual([[0, 1, 'a']]);
  expect(await split([], 0, 5)).toEqual([]);
});
