import { BLOCK_TOKENS, giveBlocks, seldom, takeBlock } from './blocks.ts';
import { Column } from './column.ts';
import { type Piece, type Subset, SUBSETS } from './window.ts';

/**
 * Pieces that wait for a window, by columns: 12 bytes each where they are whole documents, 53 at the most, and 4 a token. An
 * object with an array of its own takes 250, many times the tokens of a short document, and a round of packing holds a million
 * of them. Ids fill one block after the other: an array that grows by doubling took 128 MiB for 16M tokens plus one, and 192
 * while it was copied.
 */
export class Pieces {
  length = 0;
  /** Tokens of all of them. */
  tokens = 0;
  readonly #blocks: Int32Array<ArrayBuffer>[] = [];
  /** Tokens of the pieces before it. */
  readonly #start = new Column(Int32Array);
  readonly #tokens = new Column(Int32Array);
  readonly #split = new Column(Int32Array);
  readonly #document = new Column(Int32Array);
  readonly #source = new Column(Int32Array);
  readonly #part = new Column(Int32Array);
  readonly #promptTokens = new Column(Int32Array);
  readonly #documentOffset = new Column(Float64Array);
  readonly #copy = new Column(Int32Array);
  readonly #key = new Column(BigInt64Array);
  readonly #subset = new Column(Int32Array);
  readonly #sources: string[] = [];
  readonly #rank = new Map<string, number>();

  /** The ids are copied. */
  push(piece: Piece): void {
    this.#store(piece.ids);
    this.#split.push(piece.split);
    this.#document.push(piece.document);
    this.#source.push(this.#rankOf(piece.source));
    this.#part.push(piece.part);
    this.#promptTokens.push(piece.promptTokens);
    this.#documentOffset.push(piece.documentOffset);
    this.#copy.push(piece.copy);
    this.#key.push(piece.key);
    this.#subset.push(SUBSETS.indexOf(piece.subset));
    this.length++;
  }

  /** Its ids are a view, but for those of the few pieces that lie in two blocks. */
  at(i: number): Piece {
    return {
      ids: this.#idsOf(i),
      subset: SUBSETS[this.#subset.at(i)] as Subset,
      split: this.#split.at(i),
      document: this.#document.at(i),
      source: this.#sources[this.#source.at(i)]!,
      documentOffset: this.#documentOffset.at(i),
      part: this.#part.at(i),
      promptTokens: this.#promptTokens.at(i),
      copy: this.#copy.at(i),
      key: this.#key.at(i),
    };
  }

  *[Symbol.iterator](): Generator<Piece> {
    for (let i = 0; i < this.length; i++) yield this.at(i);
  }

  /** A view, as are `keys`: good until the next piece. */
  lengths(): Int32Array<ArrayBuffer> {
    return this.#tokens.values();
  }

  keys(): BigInt64Array<ArrayBuffer> {
    return this.#key.values();
  }

  /** Whether none of them is of a group. */
  get ungrouped(): boolean {
    return this.length === 0 || this.#key.same === 0n;
  }

  /** All ids, one piece after the other: a copy. */
  allIds(): Int32Array {
    const all = new Int32Array(seldom(4 * this.tokens).buffer, 0, this.tokens);
    this.#read(0, all);
    return all;
  }

  /** They are not needed any more: others may use their memory. */
  release(): void {
    giveBlocks(this.#blocks.splice(0));
  }

  #idsOf(i: number): Int32Array {
    const start = this.#start.at(i);
    const length = this.#tokens.at(i);
    const from = start % BLOCK_TOKENS;
    if (from + length <= BLOCK_TOKENS)
      return this.#blocks[(start - from) / BLOCK_TOKENS]!.subarray(from, from + length);
    const ids = new Int32Array(length);
    this.#read(start, ids);
    return ids;
  }

  /** Copies the tokens from `start`. */
  #read(start: number, into: Int32Array): void {
    for (let done = 0; done < into.length;) {
      const from = (start + done) % BLOCK_TOKENS;
      const some = Math.min(into.length - done, BLOCK_TOKENS - from);
      into.set(this.#blocks[(start + done - from) / BLOCK_TOKENS]!.subarray(from, from + some), done);
      done += some;
    }
  }

  #store(ids: Int32Array): void {
    this.#start.push(this.tokens);
    this.#tokens.push(ids.length);
    for (let done = 0; done < ids.length;) {
      const from = this.tokens % BLOCK_TOKENS;
      if (from === 0) this.#blocks.push(takeBlock());
      const some = Math.min(ids.length - done, BLOCK_TOKENS - from);
      this.#blocks.at(-1)!.set(some === ids.length ? ids : ids.subarray(done, done + some), from);
      this.tokens += some;
      done += some;
    }
  }

  #rankOf(source: string): number {
    let rank = this.#rank.get(source);
    if (rank === undefined) {
      rank = this.#sources.push(source) - 1;
      this.#rank.set(source, rank);
    }
    return rank;
  }
}
