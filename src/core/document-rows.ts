import type { DocumentRow } from './document.ts';
import { grown, resized, roomFor } from './growing.ts';
import { SUBSETS } from './window.ts';

/** A document as it is put into the table, which knows the source by its input; `hash` may be longer than the 16 bytes that are kept. */
export type NewDocument = Omit<DocumentRow, 'source'>;

export const HASH_BYTES = 16;

/** Rows of a document table by columns: 85 bytes each and the bytes of their ids, where an object with its own hash array took 500. */
export class DocumentRows {
  length = 0;
  input = new Int32Array(64);
  record = new Int32Array(64);
  start = new Float64Array(64);
  end = new Float64Array(64);
  bytes = new Float64Array(64);
  tokens = new Float64Array(64);
  parts = new Int32Array(64);
  copies = new Int32Array(64);
  /** Places in the table's `reasons`. */
  dropped = new Int32Array(64);
  /** Places in SUBSETS. */
  subset = new Uint8Array(64);
  /** Keys of attention groups; 0n: alone. */
  group = new BigInt64Array(64);
  hashes = new Uint8Array(64 * HASH_BYTES);
  /** UTF-8 of the ids, one after the other; id i ends at idEnds[i]. */
  ids = new Uint8Array(1024);
  idEnds = new Int32Array(64);
  /** 1 where there is an id, which may be empty. */
  hasId = new Uint8Array(64);
  readonly #encoder = new TextEncoder();

  add(document: NewDocument, dropped: number): void {
    const i = this.length++;
    this.reserve(this.length);
    this.input[i] = document.input;
    this.record[i] = document.record;
    this.start[i] = document.start;
    this.end[i] = document.end;
    this.bytes[i] = document.bytes;
    this.tokens[i] = document.tokens;
    this.parts[i] = document.parts;
    this.copies[i] = document.copies;
    this.dropped[i] = dropped;
    this.subset[i] = SUBSETS.indexOf(document.subset);
    this.group[i] = document.group;
    this.hashes.set(document.hash.subarray(0, HASH_BYTES), i * HASH_BYTES);
    this.#addId(i, document.id);
  }

  /** All that is known of the rows, as bytes that may be written to: the ids last. */
  columns(): Uint8Array[] {
    const { length } = this;
    const idBytes = length === 0 ? 0 : this.idEnds[length - 1]!;
    const columns = [this.input, this.record, this.start, this.end, this.bytes, this.tokens, this.parts, this.copies];
    const rest = [this.dropped, this.subset, this.group, this.idEnds, this.hasId];
    return [...columns, ...rest]
      .map((column) => new Uint8Array(column.buffer, 0, length * column.BYTES_PER_ELEMENT))
      .concat(this.hashes.subarray(0, length * HASH_BYTES), this.ids.subarray(0, idBytes));
  }

  /** Room for `length` rows, and for ids of `idBytes` together. */
  reserve(length: number, idBytes = 0): void {
    this.ids = grown(this.ids, idBytes);
    if (length <= this.input.length) return;
    const room = roomFor(this.input.length, length);
    this.input = resized(this.input, room);
    this.record = resized(this.record, room);
    this.start = resized(this.start, room);
    this.end = resized(this.end, room);
    this.bytes = resized(this.bytes, room);
    this.tokens = resized(this.tokens, room);
    this.parts = resized(this.parts, room);
    this.copies = resized(this.copies, room);
    this.dropped = resized(this.dropped, room);
    this.subset = resized(this.subset, room);
    this.group = resized(this.group, room);
    this.hashes = resized(this.hashes, room * HASH_BYTES);
    this.idEnds = resized(this.idEnds, room);
    this.hasId = resized(this.hasId, room);
  }

  #addId(i: number, id: string | null): void {
    const from = i === 0 ? 0 : this.idEnds[i - 1]!;
    let written = 0;
    if (id !== null) {
      // A UTF-16 unit is at most 3 bytes of UTF-8.
      this.ids = grown(this.ids, from + id.length * 3);
      ({ written } = this.#encoder.encodeInto(id, this.ids.subarray(from)));
    }
    this.hasId[i] = id === null ? 0 : 1;
    this.idEnds[i] = from + written;
  }
}
