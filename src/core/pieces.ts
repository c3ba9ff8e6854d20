import { grown } from './growing.ts';
import { type Piece, type Subset, SUBSETS } from './window.ts';

/**
 * Pieces that wait for a window, by columns: 33 bytes each and 4 a token. An object with an array of its own takes 250, many
 * times the tokens of a short document, and a round of packing holds a million of them.
 */
export class Pieces {
  length = 0;
  #ids = new Int32Array(1024);
  #ends = new Int32Array(64);
  #split = new Int32Array(64);
  #document = new Int32Array(64);
  #source = new Int32Array(64);
  #part = new Int32Array(64);
  #promptTokens = new Int32Array(64);
  #documentOffset = new Float64Array(64);
  #subset = new Uint8Array(64);
  readonly #sources: string[] = [];
  readonly #rank = new Map<string, number>();

  /** Tokens of all of them. */
  get tokens(): number {
    return this.#start(this.length);
  }

  /** The ids are copied. */
  push(piece: Piece): void {
    const i = this.length;
    const from = this.tokens;
    this.#reserve(i + 1);
    this.#ids = grown(this.#ids, from + piece.ids.length);
    this.#ids.set(piece.ids, from);
    this.#ends[i] = from + piece.ids.length;
    this.#split[i] = piece.split;
    this.#document[i] = piece.document;
    this.#source[i] = this.#rankOf(piece.source);
    this.#part[i] = piece.part;
    this.#promptTokens[i] = piece.promptTokens;
    this.#documentOffset[i] = piece.documentOffset;
    this.#subset[i] = SUBSETS.indexOf(piece.subset);
    this.length++;
  }

  /** Its ids are a view. */
  at(i: number): Piece {
    return {
      ids: this.#ids.subarray(this.#start(i), this.#ends[i]),
      subset: SUBSETS[this.#subset[i]!] as Subset,
      split: this.#split[i]!,
      document: this.#document[i]!,
      source: this.#sources[this.#source[i]!]!,
      documentOffset: this.#documentOffset[i]!,
      part: this.#part[i]!,
      promptTokens: this.#promptTokens[i]!,
    };
  }

  *[Symbol.iterator](): Generator<Piece> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  lengths(): Int32Array {
    return Int32Array.from({ length: this.length }, (_, i) => this.#ends[i]! - this.#start(i));
  }

  /** All ids, one piece after the other: a view. */
  allIds(): Int32Array {
    return this.#ids.subarray(0, this.tokens);
  }

  #start(i: number): number {
    return i === 0 ? 0 : this.#ends[i - 1]!;
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
    this.#ends = grown(this.#ends, length);
    this.#split = grown(this.#split, length);
    this.#document = grown(this.#document, length);
    this.#source = grown(this.#source, length);
    this.#part = grown(this.#part, length);
    this.#promptTokens = grown(this.#promptTokens, length);
    this.#documentOffset = grown(this.#documentOffset, length);
    this.#subset = grown(this.#subset, length);
  }
}
