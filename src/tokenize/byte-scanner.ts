import { ByteVocabulary } from './byte-vocabulary.ts';
import { MAX_VOCABULARY } from './vocabulary.ts';

/** Something that a file written by Hugging Face's library does not have, be it right or wrong. */
export class Unusual extends Error {}

const QUOTE = 0x22;
const COMMA = 0x2c;
const BACKSLASH = 0x5c;
const OPEN = 0x5b;
const CLOSE = 0x5d;

/** Steps through JSON and takes less than JSON.parse does, never more. */
export class ByteScanner {
  at = 0;
  readonly #bytes: Buffer;
  /** Texts as they are read; never longer than their JSON. */
  readonly #text: Buffer;
  #end = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
    this.#text = Buffer.alloc(bytes.length);
  }

  /** Goes to the value behind the next such key. */
  seek(key: string): number {
    const found = this.#bytes.indexOf(key, this.at);
    if (found < 0) throw new Unusual();
    this.at = found + key.length;
    this.#take(0x3a);
    this.#peek();
    return this.at;
  }

  vocabulary(): ByteVocabulary {
    // An entry is no less than `"":0,`.
    const most = Math.ceil(this.#bytes.length / 5);
    const ends = new Uint32Array(most);
    const ids = new Int32Array(most);
    let count = 0;
    this.#take(0x7b);
    do {
      this.#string();
      this.#take(0x3a);
      ends[count] = this.#end;
      ids[count++] = this.#id();
    } while (this.#more(0x7d));
    const made = ByteVocabulary.of(this.#text, ends.subarray(0, count), ids.subarray(0, count));
    if (!made) throw new Unusual();
    return made;
  }

  /** "left right" or [left, right], in order of rank. */
  merges(vocabulary: ByteVocabulary): Int32Array {
    const from = this.#end;
    const most = Math.ceil((this.#bytes.length - this.at) / 6);
    const merges = new Int32Array(most * 3);
    let count = 0;
    this.#take(OPEN);
    do {
      this.#end = from;
      let middle: number;
      if (this.#peek() === OPEN) {
        this.at++;
        this.#string();
        middle = this.#end;
        this.#take(COMMA);
        this.#string();
        this.#take(CLOSE);
      } else {
        this.#string();
        middle = this.#split(from);
      }
      if (middle === from || middle === this.#end) throw new Unusual();
      if (!vocabulary.merge(this.#text, from, middle, this.#end, merges, count)) throw new Unusual();
      count += 3;
    } while (this.#more(CLOSE));
    return merges.subarray(0, count);
  }

  /** Takes the one space out; returns where it was. */
  #split(from: number): number {
    const text = this.#text;
    let middle = from;
    let to = from;
    for (let i = from; i < this.#end; i++) {
      const byte = text[i]!;
      if (byte !== 0x20) text[to++] = byte;
      else if (middle === from) middle = to;
      else throw new Unusual();
    }
    this.#end = to;
    return middle;
  }

  /** The next byte that is no space, without taking it. */
  #peek(): number {
    for (;;) {
      const byte = this.#bytes[this.at] ?? 0;
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return byte;
      this.at++;
    }
  }

  #take(byte: number): void {
    if (this.#peek() !== byte) throw new Unusual();
    this.at++;
  }

  /** Takes a comma, or what closes the list. */
  #more(close: number): boolean {
    const byte = this.#peek();
    if (byte !== COMMA && byte !== close) throw new Unusual();
    this.at++;
    return byte === COMMA;
  }

  /** Digits alone, as JSON writes them: no leading zero. */
  #id(): number {
    this.#peek();
    const start = this.at;
    let id = 0;
    for (; this.at - start < 8; this.at++) {
      const digit = (this.#bytes[this.at] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      id = id * 10 + digit;
    }
    const digits = this.at - start;
    if (digits === 0 || id >= MAX_VOCABULARY || (digits > 1 && this.#bytes[start] === 0x30)) throw new Unusual();
    return id;
  }

  #string(): void {
    this.#take(QUOTE);
    const [bytes, text] = [this.#bytes, this.#text];
    let at = this.at;
    let end = this.#end;
    for (;;) {
      let byte = bytes[at++] ?? 0;
      if (byte === QUOTE) break;
      // Control characters are not JSON. The library writes no escapes but \" and \\, Python \u0120 for a space's letter.
      if (byte < 0x20) throw new Unusual();
      if (byte === BACKSLASH) {
        byte = bytes[at++] ?? 0;
        if (byte === 0x75) {
          byte = escaped(bytes, at);
          at += 4;
          if (byte >= 0x80) {
            text[end++] = 0xc0 | (byte >> 6);
            byte = 0x80 | (byte & 0x3f);
          }
        } else if (byte !== QUOTE && byte !== BACKSLASH) throw new Unusual();
      }
      text[end++] = byte;
    }
    this.at = at;
    this.#end = end;
  }
}

/** The character of four hexadecimal digits, of up to two bytes: the alphabet of a vocabulary ends at U+0143. */
function escaped(bytes: Uint8Array, at: number): number {
  let code = 0;
  for (let i = at; i < at + 4; i++) {
    const byte = bytes[i] ?? 0;
    const digit = byte <= 0x39 ? byte - 0x30 : (byte | 0x20) - 0x57;
    if (digit < (byte <= 0x39 ? 0 : 10) || digit > 15) throw new Unusual();
    code = code * 16 + digit;
  }
  if (code >= 0x800) throw new Unusual();
  return code;
}
