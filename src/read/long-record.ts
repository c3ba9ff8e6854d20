import type { Room } from '../core/stage.ts';
import { type Hasher, hasher } from '../io/hash.ts';
import type { LongRecords, Pieces } from '../io/lines.ts';
import type { PartRead, Refusal, Taken, TakenLong } from './part-read.ts';
import { isSpace, notJson, notUtf8 } from './record.ts';
import type { RecordStream, StreamedFields, TextSink } from './record-stream.ts';

/** A record of more bytes is not held: with three copies of each, two workers that hold one of 64 MiB take more than 512. */
const LONG_BYTES = 8 * 1024 * 1024;
/** Bytes of text that are gathered before they go to the room, and read back at once. */
const PIECE_BYTES = 256 * 1024;
/** Bytes of a record that are looked through at once: 8,000 numbers, which are three tokens each. */
const SLICE_BYTES = 16 * 1024;
/** A text is held that is so many times shorter than the shortest of such records: 128 KiB for 8 MiB. */
const SHORTER = 64;
/** Characters of a record that are kept to tell how it began. */
const BEGIN_CHARACTERS = 64;

const encoder = new TextEncoder();

/** Where the texts of long records go; null where records are held: of such as are more than a text, or where there is no room. */
export function longTexts({ options, room }: PartRead): LongTexts | null {
  const { textField: text, idField: id, groupField: group, longBytes = LONG_BYTES, form } = options;
  // A name with half of a surrogate pair has no bytes to compare.
  const able = [text, id, group].every((name) => name === null || name.isWellFormed());
  return room && able && !form ? new LongTexts(longBytes, { text, id, group }, room) : null;
}

/**
 * Records that are too long to be held: each is looked through as it comes, and its text goes to a room outside of memory, one
 * text after the other, which is where the document has it from.
 */
class LongTexts implements LongRecords<LongRecord> {
  readonly bytes: number;
  readonly #fields: StreamedFields;
  readonly #open: () => Promise<Room>;
  #buffer: Uint8Array | undefined;
  #room: Room | undefined;
  #end = 0;

  constructor(bytes: number, fields: StreamedFields, open: () => Promise<Room>) {
    this.bytes = bytes;
    this.#fields = fields;
    this.#open = open;
  }

  async open(): Promise<LongRecord> {
    const { RecordStream } = await import('./record-stream.ts');
    this.#room ??= await this.#open();
    this.#buffer ??= new Uint8Array(PIECE_BYTES);
    const text = new TextInRoom(this.#room, this.#end, this.#buffer);
    return new LongRecord(
      new RecordStream(this.#fields, text),
      text,
      this.bytes / SHORTER,
      () => (this.#end = text.end),
    );
  }

  /** Nobody reads the texts so far: their room is used again. */
  reuse(): void {
    this.#end = 0;
  }

  release(): void {
    this.#room?.release();
  }
}

/** One of them. Only one is written at a time. */
export class LongRecord implements Pieces {
  /** Fatal: bad bytes are an error and never U+FFFD. */
  readonly #decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  readonly #stream: RecordStream;
  readonly #text: TextInRoom;
  readonly #held: number;
  readonly #kept: () => void;
  #found: Taken | TakenLong | Refusal | null = null;
  #bytes = 0;
  #characters = 0;
  #begin = '';
  #blank = true;
  /** Bytes of white space at its start and its end. */
  #before = 0;
  #after = 0;
  #utf8 = true;

  /** A text of no more than `held` bytes may be held. */
  constructor(stream: RecordStream, text: TextInRoom, held: number, kept: () => void) {
    this.#stream = stream;
    this.#text = text;
    this.#held = held;
    this.#kept = kept;
  }

  async add(bytes: Uint8Array): Promise<void> {
    this.#bytes += bytes.length;
    for (let at = 0; at < bytes.length; at += SLICE_BYTES) {
      const some = bytes.subarray(at, at + SLICE_BYTES);
      this.#space(some);
      this.#decode(some);
      await this.#text.flush(PIECE_BYTES / 2);
    }
  }

  async end(): Promise<void> {
    this.#decode();
    if (this.#blank) return;
    const short = this.#text.short(this.#held);
    await this.#text.flush();
    this.#found = this.#judged(short);
    if (!('reason' in this.#found)) this.#kept();
  }

  /** What it gives, or why it is no document; null where it is white space. */
  get found(): Taken | TakenLong | Refusal | null {
    return this.#found;
  }

  /** Bytes of white space around it. */
  get around(): readonly [before: number, after: number] {
    return [this.#before, this.#after];
  }

  #space(some: Uint8Array): void {
    const last = some.findLastIndex((byte) => !isSpace(byte));
    if (last < 0) {
      if (this.#blank) this.#before += some.length;
      else this.#after += some.length;
      return;
    }
    if (this.#blank) this.#before += some.findIndex((byte) => !isSpace(byte));
    this.#blank = false;
    this.#after = some.length - 1 - last;
  }

  /** Without bytes, the last of them. */
  #decode(bytes?: Uint8Array): void {
    if (!this.#utf8) return;
    try {
      const source = this.#decoder.decode(bytes, { stream: bytes !== undefined });
      this.#characters += source.length;
      if (this.#begin.length < BEGIN_CHARACTERS) this.#begin += source.slice(0, BEGIN_CHARACTERS);
      this.#stream.add(source);
    } catch {
      this.#utf8 = false;
    }
  }

  #judged(short: Uint8Array | null): Taken | TakenLong | Refusal {
    if (!this.#utf8) return notUtf8({ length: this.#bytes });
    const streamed = this.#stream.end();
    if (streamed === null) return notJson(this.#begin, this.#characters);
    if ('reason' in streamed) return streamed;
    return short === null ? { ...streamed, ...this.#text.taken() } : { ...streamed, text: short };
  }
}

/** A text on its way to its place in a room, as UTF-8. */
class TextInRoom implements TextSink {
  readonly #room: Room;
  readonly #start: number;
  readonly #buffer: Uint8Array;
  #used = 0;
  #written = 0;
  #hash: Hasher = hasher();

  constructor(room: Room, start: number, buffer: Uint8Array) {
    this.#room = room;
    this.#start = start;
    this.#buffer = buffer;
  }

  /** Where it ends in the room. */
  get end(): number {
    return this.#start + this.#written;
  }

  begin(): void {
    this.#used = 0;
    this.#written = 0;
    this.#hash = hasher();
  }

  add(characters: string): void {
    this.#used += encoder.encodeInto(characters, this.#buffer.subarray(this.#used)).written;
  }

  /**
   * A copy of the whole text, where it has at most `most` bytes and none of it had to go to the room: a few words beside
   * megabytes of something else are held like any others, and not in a file with their ids in another.
   */
  short(most: number): Uint8Array | null {
    return this.#written === 0 && this.#used <= most ? this.#buffer.slice(0, this.#used) : null;
  }

  /** Makes room for what comes next when there are more than `most` bytes. */
  async flush(most = 0): Promise<void> {
    if (this.#used <= most) return;
    const bytes = this.#buffer.subarray(0, this.#used);
    this.#hash.update(bytes);
    await this.#room.write(this.end, bytes);
    this.#written += bytes.length;
    this.#used = 0;
  }

  /** The text, when all of it is there. */
  taken(): Pick<TakenLong, 'long' | 'hash'> {
    const [room, start, bytes] = [this.#room, this.#start, this.#written];
    const chunks = async function* () {
      for (let at = 0; at < bytes; at += PIECE_BYTES) {
        const chunk = new Uint8Array(Math.min(PIECE_BYTES, bytes - at));
        await room.read(start + at, chunk);
        yield chunk;
      }
    };
    return { long: { bytes, chunks }, hash: Buffer.from(this.#hash.digest(), 'hex') };
  }
}
