import { grown } from '../core/growing.ts';

/** A record's bytes and where they lie in the (decompressed) file: [start, end). */
export interface Span {
  readonly start: number;
  readonly end: number;
  /** Null where the record is longer than the cap: it was passed over without being kept. */
  readonly bytes: Uint8Array | null;
}

/** Objects of more, all the way to the tokens, outlive the nursery that a worker has (run/pool.ts). */
const TOGETHER = 128;
/** Room for what lies in two chunks that is used again: a longer record has memory of its own. */
const KEPT_BYTES = 2 * 1024 * 1024;
const LF = 0x0a;
const BOM = [0xef, 0xbb, 0xbf] as const;

/** Bytes of a UTF-8 byte-order mark at the start of `bytes`: 3 or 0. */
export const bomLength = (bytes: Uint8Array): number => (BOM.every((byte, at) => bytes[at] === byte) ? BOM.length : 0);

/**
 * Lines of a stream of byte chunks, without making strings (the scan runs at 3.5 GB/s). A line is all up to LF, the LF
 * left out and a CR before it left in (JSON takes it as white space); what follows the last LF is a line if it is not empty.
 * Yields the lines of a chunk together, or so many of them: per-line generators cost more than small lines do.
 * Memory is one chunk and one line of at most `cap` bytes: a longer one yields a span without bytes, and the next is read.
 * A byte-order mark at offset 0 belongs to no line. A span is good until the next ones are asked for, as chunks may be.
 */
export async function* lines(chunks: AsyncIterable<Uint8Array>, start: number, cap: number): AsyncGenerator<Span[]> {
  let position = start; // of the next chunk
  const line = new Gathered(cap);
  line.reset(start);
  for await (const chunk of chunks) {
    let spans: Span[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      line.add(chunk.subarray(from, at));
      spans.push(line.take());
      from = at + 1;
      line.reset(position + from);
      if (spans.length < TOGETHER) continue;
      yield spans;
      spans = [];
    }
    position += chunk.length;
    if (spans.length > 0) yield spans;
    // Now that those lines are done with: the first of them may lie where this is kept.
    line.keep(chunk.subarray(from));
  }
  if (line.length > 0) yield [line.take()];
}

/** Puts together a record that may come in several pieces, and stops keeping it past the cap. */
export class Gathered {
  readonly cap: number;
  length = 0;
  private start = 0;
  private pieces: Uint8Array[] = [];
  private room = new Uint8Array(0);

  constructor(cap: number) {
    this.cap = cap;
  }

  reset(start: number): void {
    this.start = start;
    this.length = 0;
    this.pieces = [];
  }

  add(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.length += piece.length;
    // 3 bytes of grace: a byte-order mark does not count.
    if (this.length > this.cap + BOM.length) this.pieces = [];
    else this.pieces.push(piece);
  }

  /**
   * The same of a piece whose memory may be another's next. What begins so is put together where the one before it was, if it
   * is not long: that must not be looked at any more.
   */
  keep(piece: Uint8Array): void {
    if (this.length > 0 || piece.length > KEPT_BYTES) return this.add(new Uint8Array(piece));
    this.room = grown(this.room, piece.length);
    this.room.set(piece);
    this.add(this.room.subarray(0, piece.length));
  }

  take(): Span {
    const { length, cap } = this;
    const end = this.start + length;
    const bytes = length > cap + BOM.length ? null : this.joined();
    const bom = this.start === 0 && bytes !== null ? bomLength(bytes) : 0;
    const rest = bytes?.subarray(bom) ?? null;
    return { start: this.start + bom, end, bytes: rest !== null && rest.length > cap ? null : rest };
  }

  private joined(): Uint8Array {
    const { pieces, length } = this;
    const [first] = pieces;
    if (pieces.length === 1 && first !== undefined) return first;
    const kept = first?.buffer === this.room.buffer && length <= KEPT_BYTES;
    if (kept) this.room = grown(this.room, length);
    const bytes = kept ? this.room : new Uint8Array(length);
    let at = 0;
    for (const piece of pieces) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes.subarray(0, length);
  }
}
