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

/** A tail in its file: a piece is an object when it is asked for, with ids that are a view of the file's bytes. */
export interface StoredTail extends Iterable<Piece> {
  readonly length: number;
  readonly tokens: number;
}

/** Read by columns, without Arrow's own object for a row: a tail of short lines has 60,000. */
export function readTail(bytes: Uint8Array): StoredTail {
  const table = readArrow(bytes);
  const { numRows: length } = table;
  const column = (name: string) => {
    const found = table.getChild(name);
    if (!found || found.length !== length) throw new Error(`it has no column ${name}`);
    return found;
  };
  const numbers = (name: string) => Int32Array.from(column(name).toArray() as Int32Array);
  const [split, document, part] = [numbers('split'), numbers('document'), numbers('part')];
  const [promptTokens, copy] = [numbers('prompt_tokens'), numbers('copy')];
  const [offset, key] = ['document_offset', 'key'].map((name) => BigInt64Array.from(column(name).toArray()));
  const [source, subset] = [column('source').memoize(), column('subset')];
  const lists = column('ids').data[0];
  const offsets = (lists?.valueOffsets ?? new Int32Array(1)) as Int32Array;
  const ids = (lists?.children[0]?.values ?? new Int32Array(0)) as Int32Array;
  return {
    length,
    tokens: offsets[length]! - offsets[0]!,
    *[Symbol.iterator]() {
      for (let i = 0; i < length; i++)
        yield {
          ids: ids.subarray(offsets[i], offsets[i + 1]),
          subset: subset.get(i) as Subset,
          split: split[i]!,
          document: document[i]!,
          source: source.get(i) as string,
          documentOffset: Number(offset![i]),
          part: part[i]!,
          promptTokens: promptTokens[i]!,
          copy: copy[i]!,
          key: key![i]!,
        };
    },
  };
}
