import { grown } from '../core/growing.ts';

/** A record's bytes and where they lie in the (decompressed) file: [start, end). */
export interface Span<Long = never> {
  readonly start: number;
  readonly end: number;
  /** Null where it is `long`, or longer than the cap: then it was passed over without being kept. */
  readonly bytes: Uint8Array | null;
  /** Who was given the record in pieces. */
  readonly long: Long | null;
}

/** Takes one record that is not to be held. */
export interface Pieces {
  /** The next bytes of it, which are good until this has ended. */
  add(bytes: Uint8Array): Promise<void>;
  /** There are no more; of a record longer than the cap some were left out, and nobody will ask what it was. */
  end(): Promise<void>;
}

/** What becomes of records that are not to be held. */
export interface LongRecords<Long extends Pieces> {
  /** Of more bytes than these. */
  readonly bytes: number;
  open(): Promise<Long>;
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
 * With `long`, a line of more than so many bytes is handed on in pieces as they come, and never held.
 * A byte-order mark at offset 0 belongs to no line. A span is good until the next ones are asked for, as chunks may be.
 */
export async function* lines<Long extends Pieces = never>(
  chunks: AsyncIterable<Uint8Array>,
  start: number,
  cap: number,
  long: LongRecords<Long> | null = null,
): AsyncGenerator<Span<Long>[]> {
  let position = start; // of the next chunk
  const line = new Gathered(cap, long);
  line.reset(start);
  for await (const chunk of chunks) {
    let spans: Span<Long>[] = [];
    let from = 0;
    for (let at = chunk.indexOf(LF); at >= 0; at = chunk.indexOf(LF, from)) {
      line.add(chunk.subarray(from, at));
      if (line.isLong) await line.endLong();
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
    if (line.isLong) await line.handOn();
  }
  if (line.length === 0) return;
  if (line.isLong) await line.endLong();
  yield [line.take()];
}

/**
 * Puts together a record that may come in several pieces, and stops keeping it past the cap. With `long`, what `isLong` after a
 * piece of it came is to be handed on before the next one does, or is put together all the same.
 */
export class Gathered<Long extends Pieces = never> {
  readonly cap: number;
  length = 0;
  private start = 0;
  private pieces: Uint8Array[] = [];
  private room = new Uint8Array(0);
  private readonly records: LongRecords<Long> | null;
  /** More bytes than these are handed on. */
  private readonly most: number;
  private long: Long | null = null;
  /** Bytes of a byte-order mark that it was not given. */
  private mark = 0;

  constructor(cap: number, records: LongRecords<Long> | null = null) {
    this.cap = cap;
    this.records = records;
    // The same grace as the cap's: what may be as long as that is then never long.
    this.most = records ? records.bytes + BOM.length : Infinity;
  }

  reset(start: number): void {
    this.start = start;
    this.length = 0;
    this.pieces = [];
    this.long = null;
    this.mark = 0;
  }

  get isLong(): boolean {
    return this.length > this.most;
  }

  /** Hands on what came since the last time. */
  async handOn(): Promise<void> {
    const { pieces, records } = this;
    if (pieces.length === 0 || records === null) return;
    this.pieces = [];
    let mark = 0;
    if (this.long === null) {
      this.long = await records.open();
      // It may lie in three of them.
      const first = Buffer.concat(pieces.slice(0, BOM.length).map((piece) => piece.subarray(0, BOM.length)));
      if (this.start === 0) this.mark = mark = bomLength(first);
    }
    for (const piece of pieces) {
      if (piece.length > mark) await this.long.add(piece.subarray(mark));
      mark = Math.max(0, mark - piece.length);
    }
  }

  /** The same, at the record's end. */
  async endLong(): Promise<void> {
    await this.handOn();
    await this.long?.end();
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
    // It is handed on before that memory is another's.
    if (this.length + piece.length > this.most) return this.add(piece);
    if (this.length > 0 || piece.length > KEPT_BYTES) return this.add(new Uint8Array(piece));
    this.room = grown(this.room, piece.length);
    this.room.set(piece);
    this.add(this.room.subarray(0, piece.length));
  }

  take(): Span<Long> {
    const { start, length, cap, long, mark } = this;
    const end = start + length;
    if (length > cap + BOM.length) return { start, end, bytes: null, long: null };
    if (long !== null) return { start: start + mark, end, bytes: null, long: length - mark > cap ? null : long };
    const bytes = this.joined();
    const bom = start === 0 ? bomLength(bytes) : 0;
    const rest = bytes.subarray(bom);
    return { start: start + bom, end, bytes: rest.length > cap ? null : rest, long: null };
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
