import { resized, roomFor } from './growing.ts';
import { type Piece, type Subset, SUBSETS } from './window.ts';

/** Ids of short pieces lie together in arrays of this many: 1 MiB each. */
const BLOCK_TOKENS = 256 * 1024;
/** A piece of this many tokens or more has an array of its own, so that at most 1/16 of a block stays empty. */
const OWN_TOKENS = BLOCK_TOKENS / 16;

/**
 * Pieces that wait for a window, by columns: 53 bytes each and 4 a token. An object with an array of its own takes 250, many
 * times the tokens of a short document, and a round of packing holds a million of them. Ids are in blocks: an array that
 * grows by doubling took 128 MiB for 16M tokens plus one, and 192 while it was copied.
 */
export class Pieces {
  length = 0;
  /** Tokens of all of them. */
  tokens = 0;
  readonly #blocks: Int32Array[] = [];
  /** The block that short pieces go into, and its tokens so far. */
  #shared = -1;
  #used = BLOCK_TOKENS;
  #block = new Int32Array(64);
  #start = new Int32Array(64);
  #tokens = new Int32Array(64);
  #split = new Int32Array(64);
  #document = new Int32Array(64);
  #source = new Int32Array(64);
  #part = new Int32Array(64);
  #promptTokens = new Int32Array(64);
  #documentOffset = new Float64Array(64);
  #copy = new Int32Array(64);
  #key = new BigInt64Array(64);
  #subset = new Uint8Array(64);
  readonly #sources: string[] = [];
  readonly #rank = new Map<string, number>();

  /** The ids are copied. */
  push(piece: Piece): void {
    const i = this.length;
    this.#reserve(i + 1);
    this.#store(i, piece.ids);
    this.#split[i] = piece.split;
    this.#document[i] = piece.document;
    this.#source[i] = this.#rankOf(piece.source);
    this.#part[i] = piece.part;
    this.#promptTokens[i] = piece.promptTokens;
    this.#documentOffset[i] = piece.documentOffset;
    this.#copy[i] = piece.copy;
    this.#key[i] = piece.key;
    this.#subset[i] = SUBSETS.indexOf(piece.subset);
    this.length++;
  }

  /** Its ids are a view. */
  at(i: number): Piece {
    return {
      ids: this.#idsOf(i),
      subset: SUBSETS[this.#subset[i]!] as Subset,
      split: this.#split[i]!,
      document: this.#document[i]!,
      source: this.#sources[this.#source[i]!]!,
      documentOffset: this.#documentOffset[i]!,
      part: this.#part[i]!,
      promptTokens: this.#promptTokens[i]!,
      copy: this.#copy[i]!,
      key: this.#key[i]!,
    };
  }

  *[Symbol.iterator](): Generator<Piece> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  lengths(): Int32Array {
    return this.#tokens.slice(0, this.length);
  }

  keys(): BigInt64Array {
    return this.#key.slice(0, this.length);
  }

  /** All ids, one piece after the other: a copy. */
  allIds(): Int32Array {
    const all = new Int32Array(this.tokens);
    for (let i = 0, at = 0; i < this.length; at += this.#tokens[i++]!) all.set(this.#idsOf(i), at);
    return all;
  }

  #idsOf(i: number): Int32Array {
    const start = this.#start[i]!;
    return this.#blocks[this.#block[i]!]!.subarray(start, start + this.#tokens[i]!);
  }

  #store(i: number, ids: Int32Array): void {
    this.tokens += ids.length;
    this.#tokens[i] = ids.length;
    if (ids.length >= OWN_TOKENS) {
      this.#block[i] = this.#blocks.push(ids.slice()) - 1;
      this.#start[i] = 0;
      return;
    }
    if (this.#used + ids.length > BLOCK_TOKENS) {
      this.#shared = this.#blocks.push(new Int32Array(BLOCK_TOKENS)) - 1;
      this.#used = 0;
    }
    this.#blocks[this.#shared]!.set(ids, this.#used);
    this.#block[i] = this.#shared;
    this.#start[i] = this.#used;
    this.#used += ids.length;
  }

  #rankOf(source: string): number {
    let rank = this.#rank.get(source);
    if (rank === undefined) {
      rank = this.#sources.push(source) - 1;
      this.#rank.set(source, rank);
    }
    return rank;
  }

  #reserve(length: number): void {
    if (length <= this.#split.length) return;
    const room = roomFor(this.#split.length, length);
    this.#block = resized(this.#block, room);
    this.#start = resized(this.#start, room);
    this.#tokens = resized(this.#tokens, room);
    this.#split = resized(this.#split, room);
    this.#document = resized(this.#document, room);
    this.#source = resized(this.#source, room);
    this.#part = resized(this.#part, room);
    this.#promptTokens = resized(this.#promptTokens, room);
    this.#documentOffset = resized(this.#documentOffset, room);
    this.#copy = resized(this.#copy, room);
    this.#key = resized(this.#key, room);
    this.#subset = resized(this.#subset, room);
  }
}
