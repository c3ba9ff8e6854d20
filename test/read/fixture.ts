import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Cursor } from '../../src/core/batch.ts';
import type { Document, Reject } from '../../src/core/document.ts';
import { type ErrorCode, isPrepError, type PrepError } from '../../src/core/errors.ts';
import { cutParts, type InputFile, inputFile, type Part, type ReadOptions, readParts } from '../../src/read/index.ts';
import type { PartResult } from '../../src/read/index.ts';

/** A folder that goes away after the tests of a file. */
export function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'ultraprep-'));
  afterAll(() => rmSync(dir, { recursive: true, force: true }));
  return dir;
}

export interface Reading {
  documents: Document[];
  /** Documents as strings, in order. */
  texts: string[];
  rejects: Reject[];
  results: PartResult[];
  cursors: Cursor[];
  batches: number[];
  progress: { bytes: number; documents: number };
}

export const OPTIONS: ReadOptions = { textField: 'text', idField: 'id', groupField: null, documentBytes: 1024 * 1024 };

/** Reads parts of files to the end. */
export async function readAll(
  files: readonly InputFile[],
  parts: readonly Part[],
  options: Partial<ReadOptions> = {},
): Promise<Reading> {
  const reading: Reading = {
    documents: [],
    texts: [],
    rejects: [],
    results: [],
    cursors: [],
    batches: [],
    progress: { bytes: 0, documents: 0 },
  };
  const source = readParts(files, parts, { ...OPTIONS, ...options }, (result) => reading.results.push(result));
  const context = {
    reject: (reject: Reject) => void reading.rejects.push(reject),
    progress: (delta: { bytes?: number; documents?: number }) => {
      reading.progress.bytes += delta.bytes ?? 0;
      reading.progress.documents += delta.documents ?? 0;
    },
  };
  for await (const { items, cursor } of source.read(context)) {
    reading.documents.push(...items);
    reading.batches.push(items.length);
    reading.cursors.push(cursor);
  }
  reading.texts = reading.documents.map(({ text }) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(text));
  return reading;
}

/** Writes a file and reads it whole. */
export async function readOne(
  dir: string,
  name: string,
  content: string | Uint8Array,
  options: Partial<ReadOptions> = {},
): Promise<Reading> {
  writeFileSync(join(dir, name), content);
  const file = await inputFile(join(dir, name), dir);
  return readAll([file], await cutParts(file, 0, 2 ** 30), options);
}

/** The PrepError that a promise fails with; anything else, success included, fails the test. */
export async function errorOf(promise: Promise<unknown>): Promise<PrepError> {
  try {
    await promise;
  } catch (error) {
    if (isPrepError(error)) return error;
    throw error;
  }
  throw new Error('expected a PrepError, and it went well');
}

export const codeOf = async (promise: Promise<unknown>): Promise<ErrorCode> => (await errorOf(promise)).code;
