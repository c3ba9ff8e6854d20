import type { DocumentRow } from '../core/document.ts';
import { type DocumentRows, HASH_BYTES } from '../core/document-rows.ts';
import type { DocumentTable } from '../core/document-table.ts';
import { type Subset, SUBSETS } from '../core/window.ts';
import {
  ArrowFile,
  binaryData,
  dictionaryData,
  dictionaryFrom,
  int32Data,
  int64Data,
  int64From,
  readArrow,
  utf8From,
  utf8Names,
} from './arrow.ts';
import { documentSchema, type Provenance, reasonType, sourceType } from './schema.ts';

/** The file of a document table, as chunks to be written one after the other, before the next is asked for; `sources` are all of the plan. */
export function* documentChunks(
  table: DocumentTable,
  sources: readonly string[],
  from: Provenance,
): Generator<Uint8Array> {
  const file = new ArrowFile(documentSchema(from));
  for (const rows of table.blocks()) yield* file.batch(columnsOf(table, rows, sources), rows.length);
  yield* file.end();
}

function columnsOf(table: DocumentTable, rows: DocumentRows, sources: readonly string[]) {
  const { length } = rows;
  const int32Of = (values: Int32Array) => int32Data(values.subarray(0, length));
  const int64Of = (values: Float64Array) => int64From(values.subarray(0, length));
  const offsets = new Int32Array(length + 1);
  offsets.set(rows.idEnds.subarray(0, length), 1);
  return [
    int32Of(rows.input),
    int32Of(rows.record),
    int64Of(rows.start),
    int64Of(rows.end),
    utf8From(rows.ids.subarray(0, offsets[length]), offsets, rows.hasId.subarray(0, length)),
    dictionaryFrom(sourceType, sources, length, (i) => table.sourceOf(rows, i)),
    utf8Names(SUBSETS, rows.subset.subarray(0, length)),
    int64Of(rows.bytes),
    int64Of(rows.tokens),
    int32Of(rows.parts),
    int32Of(rows.copies),
    dictionaryData(reasonType, table.reasons, rows.dropped.subarray(0, length)),
    int64Data(rows.group.subarray(0, length)),
    binaryData(rows.hashes.subarray(0, length * HASH_BYTES), HASH_BYTES),
  ];
}

/** A document table in its file: a row or a column is decoded when it is asked for, so that a million rows are no objects. */
export interface StoredDocuments {
  readonly length: number;
  /** Columns; [documents]. */
  inputs(): Int32Array;
  records(): Int32Array;
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
    records: () => Int32Array.from(numbers('record'), Number),
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
