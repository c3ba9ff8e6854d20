import { Pieces } from '../core/pieces.ts';
import { type Piece, type Subset, SUBSETS, type Window } from '../core/window.ts';
import { assembleWindow } from './assemble.ts';
import type { Method } from './method.ts';
import { packLengths } from './pack-lengths.ts';
import { windowsForTail } from './tail.ts';

/**
 * Tokens that packing looks over at once, 64 MiB of ids: about twice an ordinary split, so that most are packed in one
 * round. A split can be larger (a compressed file is one split); then each round keeps what packs well.
 */
export const ROUND_TOKENS = 16 * 1024 * 1024;

export interface PackerOptions {
  readonly windowLength: number;
  readonly pad: number;
  readonly method: Method;
  readonly roundTokens: number;
}

/** Gathers pieces and packs them in rounds: holds the pieces of one round and what the ones before it left. */
export class Packer {
  readonly #options: PackerOptions;
  readonly #open: Record<Subset, Pieces> = { train: new Pieces(), validation: new Pieces() };
  #windows = 0;

  constructor(options: PackerOptions) {
    this.#options = options;
  }

  get #held(): number {
    return SUBSETS.reduce((sum, subset) => sum + this.#open[subset].tokens, 0);
  }

  /** Whether there is enough for a round. */
  get full(): boolean {
    return this.#held >= this.#options.roundTokens;
  }

  add(piece: Piece): void {
    this.#open[piece.subset].push(piece);
  }

  /** The next window, of these pieces. */
  window(subset: Subset, pieces: readonly Piece[]): Window {
    const { windowLength, pad } = this.#options;
    return assembleWindow(this.#windows++, subset, pieces, windowLength, pad);
  }

  /**
   * Training windows, then validation windows; what would fill a window badly is kept for the next round. `open` tells of
   * `concat` whether the last window takes more: no other is kept then.
   */
  *round(open: (subset: Subset) => boolean): Generator<Window> {
    const { windowLength, method } = this.#options;
    const tokens = this.#held;
    for (const subset of SUBSETS)
      yield* this.#pack(subset, (fills) =>
        method === 'concat'
          ? fills.map((_, w) => (w === fills.length - 1 && open(subset) ? 1 : 0))
          : windowsForTail(fills, windowLength, tokens),
      );
  }

  /** All that is left, however badly it fills its windows. */
  *rest(): Generator<Window> {
    for (const subset of SUBSETS) yield* this.#pack(subset, (fills) => new Int32Array(fills.length));
  }

  /** Windows of all pieces of a subset; those of the windows that `kept` has a 1 for stay here. */
  *#pack(subset: Subset, kept: (fills: Int32Array) => Int32Array): Generator<Window> {
    const { windowLength, method } = this.#options;
    const pieces = this.#open[subset];
    const rules = { windowLength, method, longDocuments: 'split', minSegment: 0, separator: false } as const;
    const { fills, starts, pieces: order } = packLengths(pieces.lengths(), rules);
    const stays = kept(fills);
    const numbers = Int32Array.from(fills.keys()).filter((w) => stays[w]);
    const left = new Pieces();
    const ofWindow = (w: number): Int32Array => order.subarray(starts[w], starts[w + 1]);
    const leaving = Array.from(numbers, (w) => Array.from(ofWindow(w))).flat();
    for (const i of leaving.sort((a, b) => a - b)) left.push(pieces.at(i));
    this.#open[subset] = left;
    // One window at a time: assembled windows are what costs memory here.
    for (let w = 0; w < fills.length; w++)
      if (!stays[w])
        yield this.window(
          subset,
          Array.from(ofWindow(w), (i) => pieces.at(i)),
        );
  }

  /** What the rounds left, training pieces first. */
  left(): Pieces {
    const all = new Pieces();
    for (const subset of SUBSETS) for (const piece of this.#open[subset]) all.push(piece);
    return all;
  }
}
