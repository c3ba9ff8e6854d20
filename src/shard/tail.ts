import type { Piece, Subset } from '../core/window.ts';
import { arrowBytes, dictionaryData, int32Data, int64Data, listData, offsetsOf, readArrow, utf8Data } from './arrow.ts';
import { int32List, type Provenance, sourceType, tailSchema } from './schema.ts';
import { concatInt32, dictionaryOf } from './shard-sink.ts';

export function tailBytes(pieces: readonly Piece[], sources: readonly string[], from: Provenance): Uint8Array {
  const int32Of = (of: (piece: Piece) => number) => int32Data(Int32Array.from(pieces, of));
  const rank = new Map(sources.map((source, i) => [source, i]));
  const columns = [
    int32Of((p) => p.split),
    int32Of((p) => p.document),
    dictionaryData(
      sourceType,
      Int32Array.from(pieces, (p) => rank.get(p.source) ?? 0),
      dictionaryOf(sources),
    ),
    utf8Data(pieces.map((p) => p.subset)),
    int64Data(BigInt64Array.from(pieces, (p) => BigInt(p.documentOffset))),
    int32Of((p) => p.part),
    int32Of((p) => p.promptTokens),
    listData(int32List, offsetsOf(pieces.map((p) => p.ids.length)), int32Data(concatInt32(pieces.map((p) => p.ids)))),
  ];
  return arrowBytes(tailSchema(from), columns, pieces.length);
}

export function readTail(bytes: Uint8Array): Piece[] {
  return readArrow(bytes)
    .toArray()
    .map((row) => ({
      ids: row!.ids.toArray() as Int32Array,
      subset: row!.subset as Subset,
      split: row!.split as number,
      document: row!.document as number,
      source: row!.source as string,
      documentOffset: Number(row!.document_offset),
      part: row!.part as number,
      promptTokens: row!.prompt_tokens as number,
    }));
}
