/** A text that is not held gives what the same text gives that is: document, tokens, windows, whatever its pieces are. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { Flow } from '../../src/core/batch.ts';
import type { Document, TokenRun } from '../../src/core/document.ts';
import { spoolIn } from '../../src/io/spool.ts';
import { packStage } from '../../src/pack/index.ts';
import { inputFile, readParts } from '../../src/read/index.ts';
import { Utf8Check } from '../../src/read/utf8.ts';
import { loadTokenizer, tokenizeStage } from '../../src/tokenize/index.ts';
import { documentRows } from '../support/document-rows.ts';
import { SAMPLES, TOKENIZER } from '../support/prep.ts';
import { filesBelow } from '../support/folders.ts';
import { folder, OPTIONS } from './fixture.ts';

const dir = folder();
const tokenizer = loadTokenizer(readFileSync(TOKENIZER), 'tokenizer.json');
const chapters = readFileSync(join(SAMPLES, 'corpus/chapters.jsonl'), 'utf8').trimEnd().split('\n').slice(0, 12);
const TEXT = `\ufeff${chapters.map((line) => (JSON.parse(line) as { text: string }).text).join('\n\n')} äöü 三 😀`;

async function packed(path: string, longBytes: number, window: number, separator: number | null) {
  const file = await inputFile(path, dir);
  const part = { input: 0, start: 0, end: file.size, bytes: file.size };
  const rejects: string[] = [];
  let tokens = 0;
  const context = {
    reject: ({ detail }: { detail: string }) => void rejects.push(detail),
    progress: (delta: { tokens?: number }) => void (tokens += delta.tokens ?? 0),
    spool: () => spoolIn(join(dir, 'spool')),
  };
  const read = readParts([file], [part], { ...OPTIONS, documentBytes: 2 ** 30, longBytes }, () => {});
  const documents: Document[] = [];
  const kept = async function* (flow: Flow<Document>): Flow<Document> {
    for await (const batch of flow) {
      documents.push(...batch.items);
      yield batch;
    }
  };
  const options = {
    windowLength: window,
    method: 'best-fit',
    longDocuments: 'split',
    minSegment: 60,
    separator,
  } as const;
  const stage = packStage({ ...options, pad: 0, validation: 0, seed: 1, sources: {} }, 0, ['a'], {
    tokenEnds: tokenizer.tokenEnds,
  });
  const runs: Flow<TokenRun> = tokenizeStage(tokenizer).run(kept(read.read(context)), context);
  const windows = [];
  for await (const { items } of stage.run(runs, context)) windows.push(...items);
  const { tail, documents: table, dropped } = stage.result;
  const row = { ...documents[0], text: undefined, long: undefined };
  const [first] = documentRows(table);
  const parts = [first?.bytes, first?.tokens, first?.parts, tokens];
  return { long: documents[0]?.long !== undefined, made: { rejects, row, windows, tail: [...tail], dropped, parts } };
}

test.each([
  ['plain', 'text.txt', Buffer.from(TEXT)],
  ['gzip', 'text.txt.gz', gzipSync(TEXT)],
])('a text, %s', async (_, name, content) => {
  writeFileSync(join(dir, name), content);
  for (const [window, separator] of [
    [256, null],
    [1000, 0],
    [8192, 0],
  ] as const) {
    const held = await packed(join(dir, name), Infinity, window, separator);
    const long = await packed(join(dir, name), 1000, window, separator);
    expect([held.long, long.long]).toEqual([false, true]);
    expect(held.made.parts[2]).toBeGreaterThan(3);
    expect(held.made.parts[3]).toBe(held.made.parts[1]);
    expect(long.made).toEqual(held.made);
  }
  // The room had no name, and nothing is left of it.
  expect(filesBelow(join(dir, 'spool'))).toEqual([]);
});

test('a long text that is not UTF-8, or another when it is read again, is none', async () => {
  const path = join(dir, 'bad.txt');
  writeFileSync(path, Buffer.concat([Buffer.from('x'.repeat(5000)), Buffer.from([0xe4, 0xb8])]));
  expect((await packed(path, 1000, 256, null)).made.rejects).toEqual(['bytes that are not UTF-8, in 5002']);
  writeFileSync(path, 'y'.repeat(5000));
  const file = await inputFile(path, dir);
  const part = { input: 0, start: 0, end: file.size, bytes: file.size };
  const source = readParts([file], [part], { ...OPTIONS, longBytes: 1000 }, () => {});
  for await (const { items } of source.read({ reject() {}, progress() {} })) {
    writeFileSync(path, 'z'.repeat(5000));
    const read = async () => {
      for await (const _ of items[0]!.long!.chunks());
    };
    await expect(read()).rejects.toMatchObject({ code: 'FINGERPRINT_MISMATCH' });
  }
});

test('UTF-8 in pieces is UTF-8, however it is cut', () => {
  const good = Buffer.from('a ä 三 😀 z');
  const isSound = (bytes: Uint8Array, size: number) => {
    const check = new Utf8Check();
    for (let at = 0; at < bytes.length; at += size) check.add(bytes.subarray(at, at + size));
    return check.sound;
  };
  for (let size = 1; size <= good.length; size++) {
    expect(isSound(good, size)).toBe(true);
    expect(isSound(good.subarray(0, good.indexOf('😀') + 3), size)).toBe(false);
    for (const bad of [[0x80], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf8, 0x80, 0x80, 0x80], [0xe4, 0x41]])
      expect(isSound(Buffer.concat([good, Uint8Array.from(bad), good]), size), `${bad.join(' ')} by ${size}`).toBe(
        false,
      );
  }
});
