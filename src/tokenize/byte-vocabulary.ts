import { utf8TokenBytes } from './alphabet.ts';
import type { Vocabulary } from './vocabulary.ts';

const SEED = 0x811c9dc5;
const PRIME = 0x01000193;
/** Real files need 11 to 38; tokens chosen to need more are left to JSON.parse and a Map. */
const MAX_PROBES = 256;

/**
 * Tokens as UTF-8, one behind the other in `text`, with a hash table over them (FNV-1a, open addressing): of 151,643 tokens
 * and as many merges no string is ever made.
 */
export class ByteVocabulary implements Vocabulary {
  readonly length: number;
  readonly room: number;
  readonly #text: Buffer;
  readonly #ends: Uint32Array;
  readonly #ids: Int32Array;
  /** By id, place in `ends` + 1; 0: none. */
  readonly #places: Int32Array;
  /** By hash, the same. */
  readonly #slots: Int32Array;
  readonly #mask: number;

  private constructor(text: Buffer, ends: Uint32Array, ids: Int32Array, size: number) {
    this.length = ids.length;
    this.room = ends.at(-1) ?? 0;
    this.#text = text;
    this.#ends = ends;
    this.#ids = ids;
    this.#places = new Int32Array(size);
    this.#slots = new Int32Array(2 ** Math.ceil(Math.log2(Math.max(2, ids.length * 2))));
    this.#mask = this.#slots.length - 1;
  }

  /** Undefined where a token or an id is there twice. Token i is [ends[i - 1], ends[i]) of `text`. */
  static of(text: Buffer, ends: Uint32Array, ids: Int32Array): ByteVocabulary | undefined {
    let size = 0;
    for (const id of ids) if (id >= size) size = id + 1;
    const made = new ByteVocabulary(text, ends, ids, size);
    return made.#fill() ? made : undefined;
  }

  get size(): number {
    return this.#places.length;
  }

  #fill(): boolean {
    const [text, ends, ids, places, slots] = [this.#text, this.#ends, this.#ids, this.#places, this.#slots];
    let from = 0;
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i]!;
      if (places[id] !== 0) return false;
      places[id] = i + 1;
      const end = ends[i]!;
      let hash = SEED;
      for (let at = from; at < end; at++) hash = Math.imul(hash ^ text[at]!, PRIME);
      const slot = this.#slot(text, from, end, hash);
      if (slot < 0 || slots[slot] !== 0) return false;
      slots[slot] = i + 1;
      from = end;
    }
    return true;
  }

  /** Where [from, end) of `bytes` is, or would be; -1: too far. */
  #slot(bytes: Uint8Array, from: number, end: number, hash: number): number {
    const [text, ends, slots, mask] = [this.#text, this.#ends, this.#slots, this.#mask];
    let slot = (hash ^ (hash >>> 15)) & mask;
    for (let probe = 0; probe < MAX_PROBES; probe++, slot = (slot + 1) & mask) {
      const place = slots[slot]!;
      if (place === 0) return slot;
      const start = place === 1 ? 0 : ends[place - 2]!;
      if (ends[place - 1]! - start !== end - from) continue;
      let i = from;
      let j = start;
      while (i < end && bytes[i] === text[j]) {
        i++;
        j++;
      }
      if (i === end) return slot;
    }
    return -1;
  }

  #find(bytes: Uint8Array, from: number, end: number, hash: number): number {
    const slot = this.#slot(bytes, from, end, hash);
    const place = slot < 0 ? 0 : this.#slots[slot]!;
    return place === 0 ? -1 : this.#ids[place - 1]!;
  }

  /** Ids of [from, middle), [middle, end) and both together to `out`; false where one is no token. */
  merge(bytes: Uint8Array, from: number, middle: number, end: number, out: Int32Array, at: number): boolean {
    let left = SEED;
    for (let i = from; i < middle; i++) left = Math.imul(left ^ bytes[i]!, PRIME);
    let whole = left;
    let right = SEED;
    for (let i = middle; i < end; i++) {
      right = Math.imul(right ^ bytes[i]!, PRIME);
      whole = Math.imul(whole ^ bytes[i]!, PRIME);
    }
    const a = (out[at] = this.#find(bytes, from, middle, left));
    const b = (out[at + 1] = this.#find(bytes, middle, end, right));
    const c = (out[at + 2] = this.#find(bytes, from, end, whole));
    return a >= 0 && b >= 0 && c >= 0;
  }

  idOf(token: string): number | undefined {
    const bytes = Buffer.from(token);
    let hash = SEED;
    for (const byte of bytes) hash = Math.imul(hash ^ byte, PRIME);
    const id = this.#find(bytes, 0, bytes.length, hash);
    // Half a surrogate pair becomes U+FFFD in UTF-8, which is another token.
    return id >= 0 && this.tokenOf(id) === token ? id : undefined;
  }

  tokenOf(id: number): string | undefined {
    const place = this.#places[id] ?? 0;
    return place === 0 ? undefined : this.#text.toString('utf8', this.#start(place), this.#ends[place - 1]);
  }

  write(id: number, out: Uint8Array, at: number): number {
    const place = this.#places[id] ?? 0;
    if (place === 0) return 0;
    return Math.max(0, utf8TokenBytes(this.#text, this.#start(place), this.#ends[place - 1]!, out, at));
  }

  #start(place: number): number {
    return place === 1 ? 0 : this.#ends[place - 2]!;
  }
}
