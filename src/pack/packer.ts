import { Pieces } from '../core/pieces.ts';
import { type Piece, type Subset, SUBSETS, type Window } from '../core/window.ts';
import { assembleWindow } from './assemble.ts';
import { bestFitDecreasing } from './best-fit.ts';
import { windowsForTail } from './tail.ts';

/**
 * Tokens that packing looks over at once, 64 MiB of ids: about twice an ordinary split, so that most are packed in one
 * round. A split can be larger (a compressed file is one split); then each round keeps what packs well.
 */
export const ROUND_TOKENS = 16 * 1024 * 1024;

/** Gathers pieces and packs them in rounds: holds the pieces of one round and what the ones before it left. */
export class Packer {
  readonly #windowLength: number;
  readonly #pad: number;
  readonly #roundTokens: number;
  readonly #open: Record<Subset, Pieces> = { train: new Pieces(), validation: new Pieces() };
  #windows = 0;

  constructor(windowLength: number, pad: number, roundTokens: number) {
    this.#windowLength = windowLength;
    this.#pad = pad;
    this.#roundTokens = roundTokens;
  }

  get #held(): number {
    return SUBSETS.reduce((sum, subset) => sum + this.#open[subset].tokens, 0);
  }

  /** Whether there is enough for a round. */
  get full(): boolean {
    return this.#held >= this.#roundTokens;
  }

  add(piece: Piece): void {
    this.#open[piece.subset].push(piece);
  }

  /** The next window, of these pieces. */
  window(subset: Subset, pieces: readonly Piece[]): Window {
    return assembleWindow(this.#windows++, subset, pieces, this.#windowLength, this.#pad);
  }

  /** Training windows, then validation windows; what would fill a window badly is kept for the next round. */
  *round(): Generator<Window> {
    const tokens = this.#held;
    for (const subset of SUBSETS) {
      const pieces = this.#open[subset];
      const lengths = pieces.lengths();
      const windows = bestFitDecreasing(lengths, this.#windowLength);
      const fills = Int32Array.from(windows, (window) => window.reduce((sum, i) => sum + lengths[i]!, 0));
      const given = windowsForTail(fills, this.#windowLength, tokens);
      const left = Int32Array.from(windows.filter((_, w) => given[w]).flat()).sort();
      const kept = new Pieces();
      for (const i of left) kept.push(pieces.at(i));
      this.#open[subset] = kept;
      // One window at a time: assembled windows are what costs memory here.
      for (const [w, window] of windows.entries())
        if (!given[w])
          yield this.window(
            subset,
            window.map((i) => pieces.at(i)),
          );
    }
  }

  /** All that is left, however badly it fills its windows. */
  *rest(): Generator<Window> {
    for (const subset of SUBSETS) {
      const pieces = this.#open[subset];
      this.#open[subset] = new Pieces();
      for (const window of bestFitDecreasing(pieces.lengths(), this.#windowLength))
        yield this.window(
          subset,
          window.map((i) => pieces.at(i)),
        );
    }
  }

  /** What the rounds left, training pieces first. */
  left(): Pieces {
    const all = new Pieces();
    for (const subset of SUBSETS) for (const piece of this.#open[subset]) all.push(piece);
    return all;
  }
}
