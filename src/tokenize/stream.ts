import { isUtf8 } from 'node:buffer';
import type { LiteralFinder } from './added.ts';
import type { Kernel } from './kernel.ts';
import { Queue } from './queue.ts';
import { CLASS, classOf } from './unicode/classes.ts';

interface Parts {
  readonly kernel: Kernel;
  readonly finder: LiteralFinder;
  /** Makes text valid UTF-8 and NFC; the same array when it is already. */
  readonly prepare: (text: Uint8Array) => Uint8Array;
  readonly nfc: boolean;
}

/** Pieces are taken by slices of this: the kernel takes 128 KiB at once, and NFC may treble a text, as U+FFFD for stray bytes does. */
const SLICE = 32 * 1024;
/** An endless word is handed over again when it is this much longer. */
const STEP = 2 ** 20;

/**
 * Encodes a text that comes in pieces, with the ids of the whole. What is kept from one piece to the next is what more
 * text could still change: the last words, the last characters that could compose with what follows, the beginning of
 * what may become an added token. A few hundred bytes, unless the text is one endless word; in time linear in the text.
 */
export function openStream(parts: Parts): OpenStream {
  const { finder } = parts;
  const between = new OpenText(parts);
  /** Added tokens in `text` that begin before `limit`, and the text around them. */
  function* encodeTo(limit: number): Generator<Int32Array> {
    for (const { start, end, id } of finder.split(text, limit, offset)) {
      const ids = id < 0 ? between.add(text.subarray(start, end)) : between.finish();
      if (ids.length > 0) yield ids;
      if (id >= 0) yield Int32Array.of(id);
      done = end;
    }
  }
  let text: Uint8Array = new Uint8Array(0);
  /** Where `text` begins in the whole. */
  let offset = 0;
  let done = 0;
  return {
    *add(piece) {
      for (let at = 0; at < piece.length; at += SLICE) {
        text = Buffer.concat([text.subarray(done), piece.subarray(at, at + SLICE)]);
        offset += done;
        done = 0;
        // An added token that begins later may be the beginning of a longer one, or end in the next slice.
        yield* encodeTo(Math.max(0, text.length - Math.max(0, finder.longest - 1)));
      }
    },
    *end() {
      text = text.subarray(done);
      offset += done;
      yield* encodeTo(text.length);
      const ids = between.finish();
      if (ids.length > 0) yield ids;
    },
  };
}

/** A text that is encoded while it comes, in pieces cut anywhere: what both give, to their ends, are runs of its ids. */
export interface OpenStream {
  add(piece: Uint8Array): Iterable<Int32Array>;
  end(): Iterable<Int32Array>;
}

/** The same of one that is encoded whole. */
export function gathering(encode: (text: Uint8Array) => Int32Array): OpenStream {
  const pieces: Uint8Array[] = [];
  return {
    add(piece) {
      // Not `slice`: a Buffer's is a view.
      pieces.push(new Uint8Array(piece));
      return [];
    },
    end: () => [encode(Buffer.concat(pieces))],
  };
}

const NONE = new Int32Array(0);

/** The text between two added tokens, while it comes. */
class OpenText {
  readonly #parts: Parts;
  /** As it came: more text could change what it is normalized to. */
  readonly #raw = new Queue();
  /** No character that starts anew begins in the raw text before this, but maybe at 0. */
  #scanned = 0;
  /** Prepared: more text could only change its words. */
  readonly #ready = new Queue();
  /** Less is not handed to the kernel: twice what it left over, or STEP more, lest an endless word is scanned for every piece. */
  #enough = 0;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Ids of the words that are now certain. */
  add(text: Uint8Array): Int32Array {
    const { kernel, prepare, nfc } = this.#parts;
    this.#raw.append(text);
    const settled = settledEnd(this.#raw.bytes, this.#scanned, nfc);
    if (settled > 0) {
      this.#ready.append(prepare(this.#raw.bytes.subarray(0, settled)));
      this.#raw.drop(settled);
    }
    // What may be the beginning of a character is looked at again.
    this.#scanned = Math.max(0, this.#raw.bytes.length - 3);
    if (settled === 0 || this.#ready.bytes.length < this.#enough) return NONE;
    const { ids, taken } = kernel.encodeOpen(this.#ready.bytes);
    this.#ready.drop(taken);
    const left = this.#ready.bytes.length;
    this.#enough = left + Math.min(left, STEP);
    return ids;
  }

  /** Ids of the rest, now that the text ends; then another may begin. */
  finish(): Int32Array {
    const { kernel, prepare } = this.#parts;
    this.#ready.append(prepare(this.#raw.bytes));
    const ids = this.#ready.bytes.length > 0 ? kernel.encode(this.#ready.bytes) : NONE;
    this.#raw.drop(this.#raw.bytes.length);
    this.#ready.drop(this.#ready.bytes.length);
    this.#scanned = this.#enough = 0;
    return ids;
  }
}

/**
 * End of what no later text can change by normalization, 0 for nothing: the beginning of the last character that starts
 * anew (NFC_QC Yes, class 0), looked for from the end down to `from`. Without NFC only a character that is cut off is left.
 */
function settledEnd(text: Uint8Array, from: number, nfc: boolean): number {
  for (let at = text.length - 1; at >= from; at--) {
    if (isInside(text, at)) continue;
    const end = at + widthOf(text[at]!);
    if (!nfc) return end > text.length ? at : text.length;
    if (end > text.length) continue;
    const character = text.subarray(at, end);
    // What is no character becomes U+FFFD, which starts anew.
    if (!isUtf8(character) || !(classOf(codePointOf(character)) & CLASS.unsettled)) return at;
  }
  return 0;
}

/** Whether the byte at `at` may belong to a character that begins before it: the fourth of such bytes does not. */
function isInside(text: Uint8Array, at: number): boolean {
  for (let i = at; i > at - 4; i--) if (i < 0 || (text[i]! & 0xc0) !== 0x80) return i < at;
  return false;
}

const widthOf = (lead: number): number => (lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);

function codePointOf(character: Uint8Array): number {
  const width = character.length;
  let code = width === 1 ? character[0]! : character[0]! & (0x7f >> width);
  for (let i = 1; i < width; i++) code = (code << 6) | (character[i]! & 0x3f);
  return code;
}
