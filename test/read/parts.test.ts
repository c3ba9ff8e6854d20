import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cutParts, type InputFile, inputFile } from '../../src/read/index.ts';
import { folder, readAll } from './fixture.ts';

const dir = folder();

async function written(name: string, content: string): Promise<InputFile> {
  writeFileSync(join(dir, name), content);
  return inputFile(join(dir, name), dir);
}

const LINES = ['{"text":"a"}', '{"text":"äö"}', '', '{"text":"a longer one"}', '  ', '{"text":"z"}'];

test.each([
  ['with a last line feed', `${LINES.join('\n')}\n`],
  ['without', LINES.join('\n')],
  ['CRLF and a byte-order mark', `\ufeff${LINES.join('\r\n')}`],
])('for every split size the parts give the same documents in order: %s', async (_, content) => {
  const file = await written('cut.jsonl', content);
  const whole = await readAll([file], await cutParts(file, 0, file.size + 1));
  expect(whole.texts).toEqual(['a', 'äö', 'a longer one', 'z']);
  const counts = new Set<number>();
  for (let splitBytes = 1; splitBytes <= file.size + 1; splitBytes++) {
    const parts = await cutParts(file, 0, splitBytes);
    counts.add(parts.length);
    expect(parts[0]?.start).toBe(0);
    expect(parts.at(-1)?.end).toBe(file.size);
    parts.forEach((part, at) => {
      expect(part.start).toBe(parts[at - 1]?.end ?? 0);
      expect(part.end).toBeGreaterThan(part.start);
      expect(part.bytes).toBe(part.end - part.start);
    });
    const { documents, texts } = await readAll([file], parts);
    expect(texts).toEqual(whole.texts);
    expect(documents.map(({ origin }) => [origin.start, origin.end])).toEqual(
      whole.documents.map(({ origin }) => [origin.start, origin.end]),
    );
    const first = parts.map((part) =>
      documents.find(({ origin }) => origin.start >= part.start && origin.end <= part.end),
    );
    for (const document of first) if (document) expect(document.origin.record).toBe(0);
  }
  expect(counts).toContain(1);
  expect(counts).toContain(LINES.length); // One a line at the smallest.
});

test('a record longer than many splits is one part, and a cut on a boundary stays there', async () => {
  const long = JSON.stringify({ text: 'x'.repeat(300_000) });
  const file = await written('long.jsonl', `${long}\n{"text":"a"}\n`);
  const parts = await cutParts(file, 0, 1000);
  expect(parts.map(({ start, end }) => [start, end])).toEqual([
    [0, long.length + 1],
    [long.length + 1, file.size],
  ]);
  const even = await written('even.jsonl', '{"text":1}\n'.repeat(10));
  expect((await cutParts(even, 3, 22)).map(({ input, start }) => [input, start])).toEqual(
    [0, 22, 44, 66, 88].map((at) => [3, at]),
  );
});

test('an empty file is one empty part; other formats are one part', async () => {
  const empty = await written('empty.jsonl', '');
  expect(await cutParts(empty, 0, 10)).toEqual([{ input: 0, start: 0, end: 0, bytes: 0 }]);
  expect((await readAll([empty], await cutParts(empty, 0, 10))).results).toMatchObject([{ part: 0, records: 0 }]);
  for (const name of ['a.txt', 'a.json', 'a.jsonl.gz']) {
    expect(await cutParts(await written(name, 'x\n'.repeat(50)), 2, 10)).toEqual([
      { input: 2, start: 0, end: 100, bytes: 100 },
    ]);
  }
});
