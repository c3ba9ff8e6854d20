/**
 * test/io/compressed/ was made by zstd 1.5, bzip2 1.0 and xz 5.4: lines 0 to 19 of records.jsonl and lines 20 to 39, each
 * compressed by itself and put together, in zstd with a skippable frame between, in xz with padding between and behind.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { isPrepError } from '../../src/core/errors.ts';
import { decompress } from '../../src/io/decompress.ts';
import type { FileFormat } from '../../src/io/formats.ts';
import { codeOf, errorOf } from '../read/fixture.ts';

type Compression = FileFormat['compression'];
const file = (name: string): Buffer => readFileSync(join(import.meta.dirname, 'compressed', name));
const PLAIN = file('records.jsonl');
const LINES = PLAIN.toString().split('\n').slice(0, -1);
const halfOf = (from: number, to: number): string => `${LINES.slice(from, to).join('\n')}\n`;
const [FIRST, SECOND] = [halfOf(0, 20), halfOf(20, 40)];
const FILES: readonly (readonly [Compression, Buffer, number])[] = [
  ['gzip', Buffer.concat([gzipSync(FIRST), gzipSync(SECOND)]), 1],
  ['zstd', file('records.jsonl.zst'), 2], // before and behind the skippable frame
  ['bzip2', file('records.jsonl.bz2'), 1],
  ['xz', file('records.jsonl.xz'), 1 + 1 + 2], // before and behind the padding between, and in that at the end
];

async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** All that comes out. */
async function unpacked(bytes: Uint8Array, compression: Compression, size = 1 << 20): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of decompress(pieces(bytes, size), compression, 'file')) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test.each(FILES)('%s: all its parts, however the bytes come', async (compression, bytes) => {
  for (const size of [1, 2, 7, 100, bytes.length])
    expect((await unpacked(bytes, compression, size)).toString(), `pieces of ${size}`).toBe(PLAIN.toString());
});

test.each(FILES)(
  '%s cut at every byte is INPUT_TRUNCATED, or ends where a part does',
  async (compression, bytes, ends) => {
    let whole = 0;
    for (let size = 0; size < bytes.length; size++) {
      try {
        const text = (await unpacked(bytes.subarray(0, size), compression)).toString();
        expect([FIRST, FIRST + SECOND], `cut at ${size}`).toContain(text);
        whole += 1;
      } catch (error) {
        if (!isPrepError(error)) throw error;
        expect([error.code, error.details['offset']], `cut at ${size}`).toEqual(['INPUT_TRUNCATED', size]);
      }
    }
    expect(whole).toBe(ends);
  },
);

test.each(FILES)(
  '%s with a bit of any byte turned is an error or the same, never other bytes',
  async (compression, bytes) => {
    const seen = { same: 0, error: 0 };
    for (let at = 0; at < bytes.length; at++) {
      const bad = Buffer.from(bytes);
      bad[at]! ^= 1 << ((at * 3) % 8);
      try {
        expect((await unpacked(bad, compression)).equals(PLAIN), `byte ${at}`).toBe(true);
        seen.same += 1;
      } catch (error) {
        if (!isPrepError(error)) throw error;
        seen.error += 1;
      }
    }
    expect(seen.error).toBeGreaterThan(bytes.length * 0.9);
    expect(seen.same + seen.error).toBe(bytes.length);
  },
);

test.each(FILES)('%s followed by something else is an error', async (compression, bytes) => {
  for (const tail of ['junk', '\u0001', 'x'.repeat(5000)])
    expect(await codeOf(unpacked(Buffer.concat([bytes, Buffer.from(tail)]), compression)), tail).toBe(
      'INPUT_TRUNCATED',
    );
});

test.each(FILES)('%s: an empty file, and another file by that name', async (compression) => {
  expect((await errorOf(unpacked(Buffer.alloc(0), compression))).details['offset']).toBe(0);
  expect(await codeOf(unpacked(PLAIN, compression))).toBe('INPUT_TRUNCATED');
});

/** A frame of `blocks` blocks of one byte repeated, in a window as its descriptor says. */
function repeated(blocks: number, length: number, window = 0x38): Buffer {
  const header = Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x00, window]);
  return Buffer.concat([
    header,
    ...Array.from({ length: blocks }, (_, at) => {
      const block = Buffer.alloc(4, 'x');
      block.writeUIntLE(length * 8 + 2 + (at === blocks - 1 ? 1 : 0), 0, 3);
      return block;
    }),
  ]);
}

test('zstd: frames without a checksum and without a content size', async () => {
  const frames = Buffer.concat([repeated(3, 1000), repeated(1, 0), repeated(1, 5)]);
  for (const size of [1, 5, 1 << 20]) expect((await unpacked(frames, 'zstd', size)).toString()).toBe('x'.repeat(3005));
});

test('what grows beyond reason is DECOMPRESSION_LIMIT', async () => {
  const zeros = gzipSync(Buffer.alloc(32 * 1024 * 1024));
  expect(await codeOf(unpacked(Buffer.concat([zeros, zeros, zeros]), 'gzip'))).toBe('DECOMPRESSION_LIMIT');
  expect(await codeOf(unpacked(repeated(2000, 128 * 1024), 'zstd'))).toBe('DECOMPRESSION_LIMIT');
  expect(await codeOf(unpacked(file('zeros.txt.bz2'), 'bzip2'))).toBe('DECOMPRESSION_LIMIT');
  expect((await unpacked(Buffer.concat([zeros, zeros]), 'gzip')).length).toBe(64 * 1024 * 1024);
});

test('a zstd window is checked before it is asked for, and a dictionary is said to be missing', async () => {
  const WINDOW = 10;
  const powers = (log: number) => (log - WINDOW) << 3;
  expect((await unpacked(repeated(1, 9, powers(27)), 'zstd')).length).toBe(9);
  expect(await codeOf(unpacked(repeated(1, 9, powers(27) + 1), 'zstd'))).toBe('DECOMPRESSION_LIMIT');
  expect(await codeOf(unpacked(repeated(1, 9, powers(41)), 'zstd'))).toBe('DECOMPRESSION_LIMIT');
  const single = Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0xe0]), Buffer.alloc(8, 1), Buffer.alloc(9)]);
  expect(await codeOf(unpacked(single, 'zstd'))).toBe('DECOMPRESSION_LIMIT');
  const dictionary = Buffer.concat([Buffer.from([0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x38, 7]), repeated(1, 9).subarray(6)]);
  expect((await errorOf(unpacked(dictionary, 'zstd'))).message).toContain('dictionary');
});

test('the source is closed when what comes out is not wanted any more', async () => {
  for (const [compression, bytes] of FILES) {
    let closed = false;
    const source = (async function* () {
      try {
        for (let at = 0; at < 1000; at++) yield bytes;
      } finally {
        closed = true;
      }
    })();
    for await (const _ of decompress(source, compression, 'file')) break;
    expect(closed, compression).toBe(true);
  }
});
