/** With memory for texts that is used again, a batch is good until the next one is asked for, and memory is that of a batch. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { Slab } from '../../src/core/slab.ts';
import { cutParts, inputFile, readParts } from '../../src/read/index.ts';
import { folder, OPTIONS } from './fixture.ts';

const dir = folder();
const context = { reject: () => {}, progress: () => {} };
const utf8 = new TextDecoder();

/** Lengths of texts from 0 to 3 MiB: most lie in a chunk of the file, some in two, some in several. */
function* lengths(): Generator<number> {
  for (let i = 0; i < 3000; i++) yield i % 500 === 17 ? 3_000_000 : i % 50 === 7 ? 300_000 : 1 + ((i * 7919) % 4000);
}

test('JSON Lines', async () => {
  const path = join(dir, 'many.jsonl');
  const expected = [...lengths()].map((length, i) => `${i} "${String.fromCharCode(97 + (i % 26)).repeat(length)}"`);
  writeFileSync(path, expected.map((text, id) => `${JSON.stringify({ id, text })}\n`).join(''));
  const file = await inputFile(path, dir);
  const options = { ...OPTIONS, documentBytes: 2 ** 24 };
  const parts = await cutParts(file, 0, 16_000_000);
  expect(parts.length).toBeGreaterThan(2);
  const made: number[] = [];
  const texts = new Slab((length) => {
    made.push(length);
    return new Uint8Array(length);
  });
  let next = 0;
  for await (const { items } of readParts([file], parts, options, () => {}, null, texts).read(context))
    for (const { text } of items) expect(utf8.decode(text) === expected[next++]).toBe(true);
  expect(next).toBe(expected.length);
  // What is longer than 2 MiB has memory of its own; the rest, 27 MB, lies in that of a few batches.
  const kept = made.filter((length) => length > 0 && length <= 2 ** 21);
  expect(kept.reduce((sum, length) => sum + length, 0)).toBeLessThan(8 * 2 ** 20);
});

test('short lines, of which a chunk of the file holds any number', async () => {
  const path = join(dir, 'short.jsonl');
  const text = (i: number): string => 'x'.repeat(1 + ((i * 7919) % 997));
  writeFileSync(
    path,
    Array.from({ length: 40_000 }, (_, id) => `${JSON.stringify({ id, text: text(id) })}\n`).join(''),
  );
  const file = await inputFile(path, dir);
  const made: number[] = [];
  const texts = new Slab((length) => {
    made.push(length);
    return new Uint8Array(length);
  });
  let documents = 0;
  const parts = await cutParts(file, 0, 1e9);
  for await (const { items } of readParts([file], parts, OPTIONS, () => {}, null, texts).read(context))
    documents += items.length;
  expect(documents).toBe(40_000);
  // 20 MB of texts in the memory of one batch or two.
  expect(made.reduce((sum, length) => sum + length, 0)).toBeLessThan(3 * 2 ** 20);
});
