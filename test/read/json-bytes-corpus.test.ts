import { existsSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { RecordScanner } from '../../src/read/json-bytes.ts';
import { recordOf } from '../../src/read/json-record.ts';
import { takeText } from '../../src/read/record.ts';
import { ROOT, SAMPLES } from '../support/prep.ts';
import { folder, readOne } from './fixture.ts';
import { difference, draws, mutant, nothing } from './json-bytes-fixture.ts';

/** Real text: the corpora shared by the project where they are, the samples elsewhere. */
const CORPUS = process.env['ULTRAPREP_CORPUS'] ?? join(ROOT, '../shared/corpus');
const FILES = existsSync(join(CORPUS, 'en.jsonl.gz'))
  ? ['en', 'zh', 'code'].map((name) => join(CORPUS, `${name}.jsonl.gz`))
  : ['chapters.jsonl', 'definitions.jsonl.gz'].map((name) => join(SAMPLES, 'corpus', name));
const FIELDS = { text: 'text', id: 'id' };
const dir = folder();

function linesOf(path: string): Uint8Array[] {
  const bytes = readFileSync(path);
  const content = path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
  const lines: Uint8Array[] = [];
  for (let start = 0; start < content.length;) {
    const end = content.indexOf(0x0a, start);
    lines.push(new Uint8Array(content.subarray(start, end)));
    start = end + 1;
  }
  return lines;
}

test.each(FILES)('%s: all lines are taken, as JSON.parse reads them', async (path) => {
  const lines = linesOf(path);
  const seen = nothing();
  const scanner = new RecordScanner(FIELDS);
  for (const line of lines) expect(difference(scanner, line, FIELDS, seen)).toBeUndefined();
  expect(seen).toEqual({ documents: lines.length, scanned: lines.length, refused: new Map() });

  const { documents, rejects } = await readOne(dir, basename(path), readFileSync(path), { documentBytes: 2 ** 26 });
  expect(rejects).toEqual([]);
  expect(documents.length).toBe(lines.length);
  let start = 0;
  for (const [record, line] of lines.entries()) {
    const truth = recordOf(line, takeText(FIELDS));
    if ('reason' in truth) throw new Error(truth.detail);
    const { origin, id, text } = documents[record]!;
    expect([origin, id]).toEqual([{ input: 0, record, start, end: start + line.length }, truth.id]);
    expect(Buffer.compare(text, truth.text)).toBe(0);
    start += line.length + 1;
  }
});

test('damaged pieces of real lines: the same outcome', () => {
  const draw = draws(4);
  const seen = nothing();
  const scanner = new RecordScanner(FIELDS);
  const lines = FILES.flatMap(linesOf).map((line) => {
    const { text, id } = JSON.parse(Buffer.from(line).toString()) as { text: string; id: string };
    return new TextEncoder().encode(JSON.stringify({ id, text: text.slice(0, 400).toWellFormed() }));
  });
  for (let count = 0; count < 20_000; count++) {
    const line = mutant(draw, lines[draw(lines.length)]!, lines[draw(lines.length)]!);
    expect(difference(scanner, line, FIELDS, seen)).toBeUndefined();
  }
  expect(seen.documents).toBeGreaterThan(3000);
  expect(seen.scanned / seen.documents).toBeGreaterThan(0.9);
  expect([...seen.refused.values()].reduce((sum, count) => sum + count, 0)).toBeGreaterThan(5000);
});
