import { CHUNK_BYTES } from '../io/bytes.ts';
import { decompressed } from './disk.ts';
import type { InputFile } from './input.ts';
import { ElementSplitter } from './json-elements.ts';

/** Bytes of a decompressed file, in memory of their own. */
export interface StreamPiece {
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Offset of the first of them in the decompressed file. */
  readonly start: number;
  /** A new range begins with them. */
  readonly begins: boolean;
}

/** Pieces are of this size, but for the last of a range: large enough to be handed to another thread at no cost. */
const PIECE_BYTES = 1024 * 1024;

/** Finds where records end. */
interface Boundaries {
  /** The next bytes of the file, from offset `position`. */
  push(chunk: Uint8Array, position: number): void | Promise<void>;
  /** The first end of a record at or after `target` in these bytes, as an offset in the file; -1 without one. */
  atOrAfter(target: number): number;
  /** The last in these bytes; -1 without one. */
  last(): number;
}

/**
 * Reads a file from its start to its end and cuts what is in it into ranges of about `rangeBytes`, at the first end of a
 * record at or after each multiple of it: as an uncompressed file is cut on disk. At least one range, which may be empty.
 * `see` is shown the bytes on disk. What is no record is left to whoever reads the range. With `stopAt`, it ends where a
 * record does when about so many bytes on disk have been read.
 */
export async function* cutStream(
  file: InputFile,
  rangeBytes: number,
  see: (onDisk: Uint8Array) => void,
  stopAt = Infinity,
): AsyncGenerator<StreamPiece> {
  const boundaries = file.format === 'json' ? arrayBoundaries() : lineBoundaries();
  const piece = new Gathering();
  let position = 0;
  let target = rangeBytes;
  let onDisk = 0;
  const seen = (bytes: Uint8Array) => {
    onDisk += bytes.length;
    see(bytes);
  };
  // What was read and is not yet decompressed is little beside `stopAt`.
  const reads = Math.min(CHUNK_BYTES, Math.ceil(stopAt / 64));
  for await (const whole of decompressed(file, { start: 0, end: file.size }, seen, reads)) {
    await boundaries.push(whole, position);
    const end = onDisk < stopAt ? -1 : boundaries.last();
    const chunk = end < 0 ? whole : whole.subarray(0, end - position);
    let from = position;
    for (let cut = boundaries.atOrAfter(target); cut >= 0; cut = boundaries.atOrAfter(target)) {
      yield* piece.add(chunk.subarray(from - position, cut - position));
      yield* piece.end();
      from = cut;
      // The next multiple past the cut: a record over many multiples makes one range.
      target = (Math.floor(cut / rangeBytes) + 1) * rangeBytes;
    }
    yield* piece.add(chunk.subarray(from - position));
    position += chunk.length;
    if (end >= 0) break;
  }
  yield* piece.last();
}

/** Gathers what comes in small chunks. A range begins when there is a byte of it: after the last cut nothing may follow. */
class Gathering {
  #bytes = new Uint8Array(PIECE_BYTES);
  #used = 0;
  #start = 0;
  #begins = true;

  *add(chunk: Uint8Array): Generator<StreamPiece> {
    for (let at = 0; at < chunk.length;) {
      const some = chunk.subarray(at, at + PIECE_BYTES - this.#used);
      this.#bytes.set(some, this.#used);
      this.#used += some.length;
      at += some.length;
      if (this.#used === PIECE_BYTES) yield this.#take();
    }
  }

  *end(): Generator<StreamPiece> {
    if (this.#used > 0) yield this.#take();
    this.#begins = true;
  }

  *last(): Generator<StreamPiece> {
    if (this.#used > 0 || (this.#begins && this.#start === 0)) yield this.#take();
  }

  #take(): StreamPiece {
    const full = this.#used === PIECE_BYTES;
    const bytes = full ? this.#bytes : this.#bytes.slice(0, this.#used);
    const piece = { bytes, start: this.#start, begins: this.#begins };
    if (full) this.#bytes = new Uint8Array(PIECE_BYTES);
    this.#start += this.#used;
    this.#used = 0;
    this.#begins = false;
    return piece;
  }
}

const LF = 0x0a;
const COMMA = 0x2c;

/** After a line feed. Only where a cut is wanted is one looked for. */
function lineBoundaries(): Boundaries {
  let bytes: Uint8Array = new Uint8Array();
  let position = 0;
  return {
    push(chunk, at) {
      bytes = chunk;
      position = at;
    },
    atOrAfter(target) {
      // From the byte before: when that is a line feed, the target itself is a record's start.
      const at = bytes.indexOf(LF, Math.max(0, target - 1 - position));
      return at < 0 ? -1 : position + at + 1;
    },
    last() {
      const at = bytes.lastIndexOf(LF);
      return at < 0 ? -1 : position + at + 1;
    },
  };
}

/** After a comma between elements of the array: only by looking at every byte is it known for one. */
function arrayBoundaries(): Boundaries {
  // Only where elements end is wanted: of none are the bytes kept.
  const splitter = new ElementSplitter(0);
  let ends: number[] = [];
  return {
    async push(chunk) {
      ends = (await splitter.push(chunk)).flatMap(({ delimiter, next }) => (delimiter === COMMA ? [next] : []));
    },
    atOrAfter: (target) => ends.find((end) => end >= target) ?? -1,
    last: () => ends.at(-1) ?? -1,
  };
}
