import type { DocumentRow } from '../core/document.ts';
import { arrowBytes, binaryData, dictionaryData, int32Data, int64Data, readArrow, utf8Data } from './arrow.ts';
import { documentSchema, type Provenance, sourceType } from './schema.ts';
import { dictionaryOf } from './shard-sink.ts';

export function documentBytes(rows: readonly DocumentRow[], sources: readonly string[], from: Provenance): Uint8Array {
  const int32Of = (of: (row: DocumentRow) => number) => int32Data(Int32Array.from(rows, of));
  const int64Of = (of: (row: DocumentRow) => number) => int64Data(BigInt64Array.from(rows, (r) => BigInt(of(r))));
  const rank = new Map(sources.map((source, i) => [source, i]));
  const hashes = new Uint8Array(rows.length * 16);
  rows.forEach((row, i) => hashes.set(row.hash, i * 16));
  const columns = [
    int32Of((r) => r.input),
    int32Of((r) => r.record),
    int64Of((r) => r.start),
    int64Of((r) => r.end),
    utf8Data(rows.map((r) => r.id)),
    dictionaryData(
      sourceType,
      Int32Array.from(rows, (r) => rank.get(r.source) ?? 0),
      dictionaryOf(sources),
    ),
    utf8Data(rows.map((r) => r.subset)),
    int64Of((r) => r.bytes),
    int64Of((r) => r.tokens),
    int32Of((r) => r.parts),
    binaryData(hashes, 16),
  ];
  return arrowBytes(documentSchema(from), columns, rows.length);
}

/** A row as Arrow gives it: int64 comes as bigint. */
type StoredRow = Omit<DocumentRow, 'start' | 'end' | 'bytes' | 'tokens'> &
  Record<'start' | 'end' | 'bytes' | 'tokens', bigint>;

export function readDocuments(bytes: Uint8Array): DocumentRow[] {
  return readArrow(bytes)
    .toArray()
    .map((row) => {
      const { start, end, bytes, tokens, hash, ...rest } = row!.toJSON() as StoredRow;
      return {
        ...rest,
        start: Number(start),
        end: Number(end),
        bytes: Number(bytes),
        tokens: Number(tokens),
        hash: new Uint8Array(hash),
      };
    });
}
