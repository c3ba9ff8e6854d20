import { grown } from '../core/growing.ts';
import type { CutRules, DropReason } from './cut.ts';
import { Cutter } from './cutter.ts';
import { type Method, placePieces } from './method.ts';
import type { Placed } from './placement.ts';

export interface PackingOptions extends CutRules {
  readonly method: Method;
}

/** Windows made from lengths alone, and what became of every token. */
export interface PackedLengths extends Placed {
  /** [pieces]: the document each piece is of, its first token in it, and its tokens, a separator included. */
  readonly documents: Int32Array;
  readonly offsets: Float64Array;
  readonly lengths: Int32Array;
  /** Documents in more than one part. */
  readonly cutDocuments: number;
  readonly tokens: { readonly read: number; readonly inserted: number; readonly packed: number };
  /** By reason: tokens that go nowhere, and the documents of which nothing is packed. */
  readonly dropped: Partial<Record<DropReason, { documents: number; tokens: number }>>;
}

/**
 * Packs documents of these lengths (tokens, without separators) as the stage does, by the same cuts and the same placing, but
 * all of them at once. Exact but for where a long document is cut: its text, which may move a cut by 5 % of a window, is not
 * looked at here.
 */
export function packLengths(lengths: ArrayLike<number>, options: PackingOptions): PackedLengths {
  const { windowLength, method, separator } = options;
  const cutter = new Cutter(options, method);
  const pieces = new PieceLengths(lengths.length);
  const dropped: PackedLengths['dropped'] = {};
  const tokens = { read: 0, inserted: 0, packed: 0 };
  let cutDocuments = 0;
  for (let document = 0; document < lengths.length; document++) {
    const length = lengths[document]!;
    tokens.read += length;
    if (cutter.whole(length)) {
      if (separator) tokens.inserted++;
      pieces.add(document, 0, separator ? length + 1 : length);
      continue;
    }
    const { kept, ends, reason } = cutter.cut(length);
    ends.forEach((end, part) => pieces.add(document, ends[part - 1] ?? 0, end - (ends[part - 1] ?? 0)));
    if (ends.length > 1) cutDocuments++;
    if (ends.length > 0 && separator) tokens.inserted++;
    if (reason === null) continue;
    const entry = (dropped[reason] ??= { documents: 0, tokens: 0 });
    entry.tokens += length - kept;
    if (ends.length === 0) entry.documents++;
  }
  const placed = pieces.lengths.subarray(0, pieces.count);
  const windows = placePieces(placed, windowLength, method);
  for (const fill of windows.fills) tokens.packed += fill;
  return {
    ...windows,
    documents: pieces.documents.subarray(0, pieces.count),
    offsets: pieces.offsets.subarray(0, pieces.count),
    lengths: placed,
    cutDocuments,
    tokens,
    dropped,
  };
}

class PieceLengths {
  count = 0;
  documents: Int32Array<ArrayBuffer>;
  offsets: Float64Array<ArrayBuffer>;
  lengths: Int32Array<ArrayBuffer>;

  constructor(documents: number) {
    this.documents = new Int32Array(documents);
    this.offsets = new Float64Array(documents);
    this.lengths = new Int32Array(documents);
  }

  add(document: number, offset: number, length: number): void {
    const i = this.count++;
    if (i >= this.documents.length) {
      this.documents = grown(this.documents, i + 1);
      this.offsets = grown(this.offsets, i + 1);
      this.lengths = grown(this.lengths, i + 1);
    }
    this.documents[i] = document;
    this.offsets[i] = offset;
    this.lengths[i] = length;
  }
}
