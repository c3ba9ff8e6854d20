/** A file that is cut while it is read: the same records, in ranges that begin where those of the plain file do. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { cutParts, cutStream, inputFile, isCutWhileRead, type Range, readParts } from '../../src/read/index.ts';
import { errorOf, folder, OPTIONS, readAll } from './fixture.ts';

const dir = folder();
const LINES = ['{"text":"a"}', '{"text":"äö"}', '', '{"text":"a longer one"}', '  ', '{"text":"z"}'];
const context = { progress() {}, reject() {} };

async function written(name: string, content: string | Uint8Array) {
  writeFileSync(join(dir, name), content);
  return inputFile(join(dir, name), dir);
}

/** The ranges of a file, whole. */
async function ranges(file: Awaited<ReturnType<typeof written>>, bytes: number) {
  const cut: { start: number; bytes: Uint8Array }[] = [];
  for await (const piece of cutStream(file, bytes, () => {})) {
    if (piece.begins) cut.push({ start: piece.start, bytes: new Uint8Array() });
    const range = cut.at(-1)!;
    expect(piece.start).toBe(range.start + range.bytes.length);
    range.bytes = Buffer.concat([range.bytes, piece.bytes]);
  }
  return cut;
}

/** Texts of a file by its ranges, each read by itself. */
async function textsByRange(file: Awaited<ReturnType<typeof written>>, bytes: number) {
  const texts: string[][] = [];
  const places: number[][] = [];
  const cut = await ranges(file, bytes);
  for (const [i, { start, bytes: content }] of cut.entries()) {
    const chunks = (async function* () {
      yield content;
    })();
    const range: Range = { input: 0, start, chunks, last: () => i === cut.length - 1 };
    texts.push([]);
    for await (const { items } of readParts([file], [], OPTIONS, () => {}, range).read(context))
      for (const { text, origin } of items) {
        texts.at(-1)!.push(new TextDecoder().decode(text));
        places.push([origin.start, origin.end]);
      }
  }
  return { texts, places };
}

test.each([
  ['with a last line feed', `${LINES.join('\n')}\n`],
  ['without', LINES.join('\n')],
  ['CRLF and a byte-order mark', `\ufeff${LINES.join('\r\n')}`],
  ['empty', ''],
])('gzip: ranges begin where parts of the plain file do, and cover it: %s', async (_, content) => {
  const plain = await written('plain.jsonl', content);
  const file = await written('cut.jsonl.gz', gzipSync(content));
  const whole = await readAll([plain], await cutParts(plain, 0, plain.size + 1));
  for (let size = 1; size <= plain.size + 1; size++) {
    const cut = await ranges(file, size);
    const parts = await cutParts(plain, 0, size);
    expect(cut.map(({ start, bytes }) => [start, start + bytes.length])).toEqual(
      parts.map((part) => [part.start, part.end]),
    );
    expect(Buffer.concat(cut.map(({ bytes }) => bytes)).toString()).toBe(content);
    const { texts, places } = await textsByRange(file, size);
    expect(texts.flat()).toEqual(whole.texts);
    expect(places).toEqual(whole.documents.map(({ origin }) => [origin.start, origin.end]));
  }
});

test('a JSON array: cut between elements, never inside one', async () => {
  const values = [{ text: 'a, [b]' }, { text: 'c"}, {"' }, { text: 'd', more: [1, [2, 3], { x: ',' }] }, { text: 'e' }];
  const content = `\ufeff [ ${values.map((value) => JSON.stringify(value)).join(' ,\n')} ] \n`;
  const file = await written('cut.json', content);
  const whole = await readAll([file], await cutParts(file, 0, 1));
  expect(whole.texts).toEqual(values.map(({ text }) => text));
  const counts = new Set<number>();
  for (let size = 1; size <= file.size + 1; size++) {
    const { texts, places } = await textsByRange(file, size);
    counts.add(texts.length);
    expect(texts.flat()).toEqual(whole.texts);
    expect(places).toEqual(whole.documents.map(({ origin }) => [origin.start, origin.end]));
  }
  expect(counts).toEqual(new Set([1, 2, 3, 4]));
});

test.each([
  ['[{"text":"a"},{"text":"b"},]', 'INPUT_MALFORMED'],
  ['[{"text":"a"},{"text":"b"}', 'INPUT_TRUNCATED'],
  ['[{"text":"a"},,{"text":"b"}]', 'INPUT_MALFORMED'],
  ['[{"text":"a"},{"text":"b"}] 1', 'INPUT_MALFORMED'],
])('a broken array is one in ranges too: %s', async (content, code) => {
  const file = await written('broken.json', content);
  for (let size = 1; size <= file.size + 1; size++)
    expect((await errorOf(textsByRange(file, size))).code, String(size)).toBe(code);
});

test.each([
  ['gz', (content: string) => gzipSync(content)],
  ['gz of many members', (content: string) => Buffer.concat(content.split(/(?<=\n)/).map((line) => gzipSync(line)))],
])('compressed lines that end at any byte are INPUT_TRUNCATED, whatever ranges came before: %s', async (_, pack) => {
  const content = Array.from(
    { length: 24 },
    (_unused, i) => `{"text":"${randomBytes(8).toString('hex')} ${i}"}\n`,
  ).join('');
  const whole = pack(content);
  // Where a member ends the file is a sound one of fewer records.
  const sound = new Set(
    [0, ...content.matchAll(/\n/g)].map(
      (_match, i) =>
        pack(
          content
            .split(/(?<=\n)/)
            .slice(0, i)
            .join(''),
        ).length,
    ),
  );
  let cuts = 0;
  for (let size = 1; size < whole.length; size++) {
    if (sound.has(size)) continue;
    const file = await written('short.jsonl.gz', whole.subarray(0, size));
    const begun: number[] = [];
    const error = await errorOf(
      (async () => {
        for await (const { start, begins } of cutStream(file, 100, () => {})) if (begins) begun.push(start);
      })(),
    );
    expect([error.code, error.details['offset']], `cut at ${size}`).toEqual(['INPUT_TRUNCATED', size]);
    for (const start of begun.slice(1)) expect(content[start - 1]).toBe('\n');
    if (begun.length > 1) cuts++;
  }
  expect(cuts).toBeGreaterThan(0);
});

test('cut while read are arrays and compressed lines of more than a split', async () => {
  const content = '{"text":"a"}\n'.repeat(100);
  for (const [name, expected] of [
    ['a.jsonl', false],
    ['a.jsonl.gz', true],
    ['a.json', true],
    ['a.txt', false],
    ['a.txt.gz', false],
  ] as const) {
    const file = await written(name, content);
    expect([name, isCutWhileRead(file, 100), isCutWhileRead(file, file.size)]).toEqual([name, expected, false]);
  }
});
