import { jsonParser } from 'stream-json/core/parser.js';
import { streamArray } from 'stream-json/core/streamers/stream-array.js';
import type { Document } from '../core/document.ts';
import { inputMalformed, inputTruncated, messageOf } from '../core/errors.ts';
import { contentOf } from './disk.ts';
import { type Element, ElementSplitter } from './json-elements.ts';
import { longTexts } from './long-record.ts';
import type { PartRead } from './part-read.ts';
import { decoded, notUtf8, type TakeRecord, tooLarge } from './record.ts';
import { takerOf } from './take.ts';

/**
 * A top-level JSON array, streamed: memory is one chunk and one element, if it is not long (long-record.ts). stream-json
 * checks the grammar and builds the elements; it is given one element at a time (json-elements.ts says why). Broken JSON
 * cannot be resynchronised, as it can in JSON Lines: it ends the part with an error, so nothing is lost silently.
 */
export async function* readJsonArray(read: PartRead): AsyncGenerator<Document[]> {
  const { file, options } = read;
  const { start } = read.part;
  const long = longTexts(read);
  const splitter = new ElementSplitter(options.documentBytes, start, long);
  const parser = new ArrayParser(start === 0 ? '[' : '[null,');
  const take = takerOf(options);
  try {
    for await (const chunk of contentOf(read)) {
      const documents: Document[] = [];
      for (const element of await splitter.push(chunk)) {
        const document = documentOf(read, parser, element, take);
        if (document !== null) documents.push(document);
      }
      checkStray(read, splitter);
      yield documents;
      long?.reuse();
    }
  } finally {
    long?.release();
  }
  if (splitter.state !== 'after' && read.last)
    throw inputTruncated(
      file.name,
      file.size,
      splitter.state === 'before' ? 'no JSON array in it' : `the array is not closed after record ${read.records - 1}`,
    );
}

function documentOf(
  read: PartRead,
  parser: ArrayParser,
  { span, delimiter }: Element,
  take: TakeRecord,
): Document | null {
  const { options } = read;
  const { start, end, bytes, long } = span;
  const source = bytes === null ? undefined : decoded(bytes);
  const found = long?.found ?? null;
  // What cannot be shown to stream-json is replaced by a null, which keeps its place in the array.
  let items: unknown[];
  const empty = start === end; // As in `[]`; stream-json knows where it may be.
  try {
    if (found !== null && 'reason' in found && found.reason === 'json-syntax') throw new Error(found.detail);
    items = parser.feed((source ?? (empty ? '' : 'null')) + String.fromCharCode(delimiter));
    // A word it does not know (`nope`) it would wait on, for more of it to come.
    if (items.length !== (empty ? 0 : 1)) throw new Error('not a JSON value');
  } catch (error) {
    throw inputMalformed(read.file.name, `record ${read.records}, bytes ${start} to ${end}`, messageOf(error));
  }
  if (found !== null) {
    if (!('reason' in found)) return read.acceptAny(start, end, found);
    read.reject(start, found);
  } else if (empty) return null;
  else if (bytes === null) read.reject(start, tooLarge(end - start, options.documentBytes));
  else if (source === undefined) read.reject(start, notUtf8(bytes));
  else {
    for (const item of items) {
      const taken = take(item, source);
      if (!('reason' in taken)) return read.accept(start, end, taken);
      read.reject(start, taken);
    }
  }
  return null;
}

function checkStray(read: PartRead, splitter: ElementSplitter): void {
  const { stray, state } = splitter;
  if (stray === null) return;
  const character = JSON.stringify(String.fromCharCode(stray.byte));
  const problem =
    state === 'after'
      ? `${character} follows the end of the array`
      : `a ${stray.byte === 0x7b ? 'JSON object' : character} where a top-level array must begin`;
  const wayOut = state === 'before' && stray.byte === 0x7b ? ' (for a record a line, name the file .jsonl)' : '';
  throw inputMalformed(read.file.name, `byte ${stray.offset}`, problem + wayOut);
}

/** stream-json's tokenizer and array assembler, called as the plain functions they are: no Node streams between. */
class ArrayParser {
  private readonly tokenize = jsonParser({ packValues: true, streamValues: false });
  private readonly assemble = streamArray();

  /** `before` is what stands before the first element: after a `,` an array may not end. */
  constructor(before: string) {
    this.feed(before);
  }

  /** The elements that end in this text; throws on JSON that is broken. */
  feed(text: string): unknown[] {
    const values: unknown[] = [];
    // stream-chain's way to return nothing (a symbol), one or many (`values`).
    const tokens = this.tokenize(text);
    for (const token of typeof tokens === 'symbol' ? [] : tokens.values) {
      const items = this.assemble(token);
      if (typeof items === 'symbol') continue;
      for (const item of 'values' in items ? items.values : [items]) values.push(item.value);
    }
    return values;
  }
}
