import type { DocumentRow } from '../core/document.ts';
import { type DocumentTable, HASH_BYTES } from '../core/document-table.ts';
import { type Subset, SUBSETS } from '../core/window.ts';
import {
  ArrowFile,
  binaryData,
  dictionaryFrom,
  int32Data,
  int64Data,
  int64From,
  readArrow,
  utf8From,
  utf8Names,
} from './arrow.ts';
import { documentSchema, type Provenance, reasonType, sourceType } from './schema.ts';

/** Rows of a record batch: 4 MiB of columns that are made for it. A split of short lines has 300,000 rows. */
const BATCH_ROWS = 64 * 1024;

/** The file of a document table, as chunks to be written one after the other; `sources` are all of the plan. */
export function* documentChunks(
  table: DocumentTable,
  sources: readonly string[],
  from: Provenance,
): Generator<Uint8Array> {
  const file = new ArrowFile(documentSchema(from));
  for (let start = 0; start === 0 || start < table.length; start += BATCH_ROWS) {
    const rows = Math.min(BATCH_ROWS, table.length - start);
    yield* file.batch(columnsOf(table, sources, start, rows), rows);
  }
  yield* file.end();
}

function columnsOf(table: DocumentTable, sources: readonly string[], start: number, rows: number) {
  const end = start + rows;
  const int32Of = (values: Int32Array) => int32Data(values.subarray(start, end));
  const int64Of = (values: Float64Array) => int64From(values.subarray(start, end));
  const firstId = start === 0 ? 0 : table.idEnds[start - 1]!;
  const offsets = new Int32Array(rows + 1);
  for (let i = 0; i < rows; i++) offsets[i + 1] = table.idEnds[start + i]! - firstId;
  return [
    int32Of(table.input),
    int32Of(table.record),
    int64Of(table.start),
    int64Of(table.end),
    utf8From(table.ids.subarray(firstId, firstId + offsets[rows]!), offsets, table.hasId.subarray(start, end)),
    dictionaryFrom(sourceType, sources, rows, (i) => table.source(start + i)),
    utf8Names(SUBSETS, table.subset.subarray(start, end)),
    int64Of(table.bytes),
    int64Of(table.tokens),
    int32Of(table.parts),
    int32Of(table.copies),
    dictionaryFrom(reasonType, table.reasons, rows, (i) => table.reason(start + i)),
    int64Data(table.group.slice(start, end)),
    binaryData(table.hashes.subarray(start * HASH_BYTES, end * HASH_BYTES), HASH_BYTES),
  ];
}

/** A document table in its file: a row or a column is decoded when it is asked for, so that a million rows are no objects. */
export interface StoredDocuments {
  readonly length: number;
  /** Columns; [documents]. */
  inputs(): Int32Array;
  tokens(): Float64Array;
  parts(): Int32Array;
  copies(): Int32Array;
  groups(): BigInt64Array;
  /** [documents x 16 bytes], as little-endian words. */
  hashes(): Uint32Array;
  source(i: number): string;
  dropped(i: number): string;
  subset(i: number): Subset;
  row(i: number): DocumentRow;
}

export function readDocuments(bytes: Uint8Array): StoredDocuments {
  const table = readArrow(bytes);
  const column = (name: string) => {
    const found = table.getChild(name);
    if (!found || found.length !== table.numRows) throw new Error(`it has no column ${name}`);
    return found;
  };
  const numbers = (name: string) => column(name).toArray() as ArrayLike<number | bigint>;
  // The few names are decoded once.
  const sources = column('source').memoize();
  const reasons = column('dropped').memoize();
  const subsets = column('subset');
  const row = (i: number): DocumentRow => {
    const { start, end, bytes, tokens, hash, ...rest } = table.get(i)!.toJSON() as StoredRow;
    const [from, to] = [Number(start), Number(end)];
    return { ...rest, start: from, end: to, bytes: Number(bytes), tokens: Number(tokens), hash: hash.slice() };
  };
  return {
    length: table.numRows,
    inputs: () => Int32Array.from(numbers('input'), Number),
    tokens: () => Float64Array.from(numbers('tokens'), Number),
    parts: () => Int32Array.from(numbers('parts'), Number),
    copies: () => Int32Array.from(numbers('copies'), Number),
    groups: () => BigInt64Array.from(numbers('group') as ArrayLike<bigint>),
    hashes: () => wordsOf(column('hash').data.map(({ values }) => values as Uint8Array)),
    source: (i) => sources.get(i) as string,
    dropped: (i) => reasons.get(i) as string,
    subset: (i) => subsets.get(i) as Subset,
    row,
  };
}

/** In memory of their own: Arrow aligns to 8 bytes, and a file may lie anywhere. */
function wordsOf(parts: readonly Uint8Array[]): Uint32Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return new Uint32Array(bytes.buffer);
}

/** A row as Arrow gives it: int64 comes as bigint, a hash as a view. */
type StoredRow = Omit<DocumentRow, 'start' | 'end' | 'bytes' | 'tokens'> &
  Record<'start' | 'end' | 'bytes' | 'tokens', bigint>;
