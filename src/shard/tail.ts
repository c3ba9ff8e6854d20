import type { Pieces } from '../core/pieces.ts';
import { type Piece, type Subset, SUBSETS } from '../core/window.ts';
import {
  arrowChunks,
  dictionaryFrom,
  int32Data,
  int64Data,
  int64From,
  listData,
  offsetsOf,
  readArrow,
  utf8Names,
} from './arrow.ts';
import { int32List, type Provenance, sourceType, tailSchema } from './schema.ts';

/** The file of a split's tail, as chunks to be written one after the other. */
export function tailChunks(pieces: Pieces, sources: readonly string[], from: Provenance): Uint8Array[] {
  const { length } = pieces;
  const int32Of = (of: (piece: Piece) => number) => int32Data(Int32Array.from(pieces, of));
  const columns = [
    int32Of((p) => p.split),
    int32Of((p) => p.document),
    dictionaryFrom(sourceType, sources, length, (i) => pieces.at(i).source),
    utf8Names(
      SUBSETS,
      Uint8Array.from(pieces, (p) => SUBSETS.indexOf(p.subset)),
    ),
    int64From(Float64Array.from(pieces, (p) => p.documentOffset)),
    int32Of((p) => p.part),
    int32Of((p) => p.promptTokens),
    int32Of((p) => p.copy),
    int64Data(pieces.keys()),
    listData(int32List, offsetsOf(pieces.lengths()), int32Data(pieces.allIds())),
  ];
  return arrowChunks(tailSchema(from), columns, length);
}

/** The pieces of a tail, each when it is asked for; their ids are views of `bytes`. */
export function* readTail(bytes: Uint8Array): Generator<Piece> {
  const table = readArrow(bytes);
  for (let i = 0; i < table.numRows; i++) {
    const row = table.get(i)!;
    yield {
      ids: row.ids.toArray() as Int32Array,
      subset: row.subset as Subset,
      split: row.split as number,
      document: row.document as number,
      source: row.source as string,
      documentOffset: Number(row.document_offset),
      part: row.part as number,
      promptTokens: row.prompt_tokens as number,
      copy: row.copy as number,
      key: row.key as bigint,
    };
  }
}
