import type { DocumentRow, Origin } from './document.ts';
import { grown, resized, roomFor } from './growing.ts';
import { type Subset, SUBSETS } from './window.ts';

/** A document as it is put into the table; `hash` may be longer than the 16 bytes that are kept. */
export interface NewDocument extends Origin {
  readonly id: string | null;
  readonly subset: Subset;
  readonly bytes: number;
  readonly tokens: number;
  readonly parts: number;
  readonly copies: number;
  readonly dropped: string;
  readonly group: bigint;
  readonly hash: Uint8Array;
}

export const HASH_BYTES = 16;

/**
 * The documents of a split, by columns: 85 bytes each and the bytes of their ids, where an object with its own hash array
 * took 500. A split can be a whole compressed file, so there may be millions of them.
 */
export class DocumentTable {
  /** Source names by input. */
  readonly sources: readonly string[];
  length = 0;
  input = new Int32Array(64);
  record = new Int32Array(64);
  start = new Float64Array(64);
  end = new Float64Array(64);
  bytes = new Float64Array(64);
  tokens = new Float64Array(64);
  parts = new Int32Array(64);
  copies = new Int32Array(64);
  /** Places in `reasons`. */
  dropped = new Int32Array(64);
  /** Why documents were dropped, as they turned up; the first says that nothing was. */
  readonly reasons: string[] = [''];
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

  constructor(sources: readonly string[]) {
    this.sources = sources;
  }

  /** Returns the number of its row. */
  add(document: NewDocument): number {
    const i = this.length++;
    this.#reserve(this.length);
    this.input[i] = document.input;
    this.record[i] = document.record;
    this.start[i] = document.start;
    this.end[i] = document.end;
    this.bytes[i] = document.bytes;
    this.tokens[i] = document.tokens;
    this.parts[i] = document.parts;
    this.copies[i] = document.copies;
    this.dropped[i] = this.#reasonOf(document.dropped);
    this.subset[i] = SUBSETS.indexOf(document.subset);
    this.group[i] = document.group;
    this.hashes.set(document.hash.subarray(0, HASH_BYTES), i * HASH_BYTES);
    this.#addId(i, document.id);
    return i;
  }

  source(i: number): string {
    return this.sources[this.input[i]!] ?? '';
  }

  reason(i: number): string {
    return this.reasons[this.dropped[i]!]!;
  }

  /** One row as an object: for tests and messages. */
  row(i: number): DocumentRow {
    const id = this.ids.subarray(i === 0 ? 0 : this.idEnds[i - 1]!, this.idEnds[i]);
    return {
      input: this.input[i]!,
      record: this.record[i]!,
      start: this.start[i]!,
      end: this.end[i]!,
      id: this.hasId[i] ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(id) : null,
      source: this.source(i),
      subset: SUBSETS[this.subset[i]!]!,
      bytes: this.bytes[i]!,
      tokens: this.tokens[i]!,
      parts: this.parts[i]!,
      copies: this.copies[i]!,
      dropped: this.reason(i),
      group: this.group[i]!,
      hash: this.hashes.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES),
    };
  }

  /** Few, so that looking through them costs nothing. */
  #reasonOf(reason: string): number {
    const known = this.reasons.indexOf(reason);
    return known >= 0 ? known : this.reasons.push(reason) - 1;
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

  #reserve(length: number): void {
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
}
