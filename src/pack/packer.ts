import { Pieces } from '../core/pieces.ts';
import type { Piece, Window } from '../core/window.ts';
import { assembleWindow } from './assemble.ts';
import { lanes } from './lanes.ts';
import { type Method, placePieces } from './method.ts';
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
  /** Sources whose pieces have windows of their own, with a number from 1 for those that may share one. */
  readonly sources: Readonly<Record<string, { readonly rank: number }>>;
}

/** The method for pieces that are not cut any more, to fill windows. */
const uncut = (method: Method): Method => (method === 'concat' ? 'best-fit' : method);

/** Gathers pieces and packs them in rounds: holds the pieces of one round and what the ones before it left. */
export class Packer {
  readonly #options: PackerOptions;
  readonly #laneOf: (piece: Piece) => number;
  readonly #open = new Map<number, Pieces>();
  #windows = 0;

  constructor(options: PackerOptions) {
    this.#options = options;
    this.#laneOf = lanes(options.sources);
  }

  get #held(): number {
    let held = 0;
    for (const { tokens } of this.#open.values()) held += tokens;
    return held;
  }

  /** Lanes with pieces in them, those of training first. */
  get #lanes(): number[] {
    return [...this.#open.keys()].sort((a, b) => a - b);
  }

  /** Whether there is enough for a round. */
  get full(): boolean {
    return this.#held >= this.#options.roundTokens;
  }

  add(piece: Piece): void {
    const lane = this.#laneOf(piece);
    let pieces = this.#open.get(lane);
    if (!pieces) this.#open.set(lane, (pieces = new Pieces()));
    pieces.push(piece);
  }

  /** The next window, of these pieces of one lane, at least one. */
  window(pieces: readonly Piece[]): Window {
    const { windowLength, pad } = this.#options;
    return assembleWindow(this.#windows++, pieces[0]!.subset, pieces, windowLength, pad);
  }

  /**
   * Training windows, then validation windows, lane by lane; what would fill a window badly is kept for the next round.
   * Under `concat`, `open` tells whether a lane's last window takes more: no other is kept then. It has no answer for a lane
   * whose pieces were cut for another's windows: those are placed by best-fit.
   */
  *round(open: (lane: number) => boolean | undefined): Generator<Window> {
    const { windowLength, method } = this.#options;
    for (const lane of this.#lanes) {
      const { tokens } = this.#open.get(lane)!;
      const last = method === 'concat' ? open(lane) : undefined;
      if (last === undefined)
        yield* this.#pack(lane, uncut(method), (fills) => windowsForTail(fills, windowLength, tokens));
      else yield* this.#pack(lane, method, (fills) => fills.map((_, w) => (last && w === fills.length - 1 ? 1 : 0)));
    }
  }

  /** All that is left, however badly it fills its windows. */
  *rest(): Generator<Window> {
    for (const lane of this.#lanes)
      yield* this.#pack(lane, uncut(this.#options.method), (fills) => new Int32Array(fills.length));
  }

  /** Windows of all pieces of a lane by a method; those of the windows that `kept` has a 1 for stay here. */
  *#pack(lane: number, method: Method, kept: (fills: Int32Array) => Int32Array): Generator<Window> {
    const pieces = this.#open.get(lane)!;
    const { fills, starts, pieces: order } = placePieces(pieces.lengths(), this.#options.windowLength, method);
    const stays = kept(fills);
    const numbers = Int32Array.from(fills.keys()).filter((w) => stays[w]);
    const left = new Pieces();
    const ofWindow = (w: number): Int32Array => order.subarray(starts[w], starts[w + 1]);
    const leaving = Array.from(numbers, (w) => Array.from(ofWindow(w))).flat();
    for (const i of leaving.sort((a, b) => a - b)) left.push(pieces.at(i));
    this.#open.set(lane, left);
    // One window at a time: assembled windows are what costs memory here.
    for (let w = 0; w < fills.length; w++)
      if (!stays[w]) yield this.window(Array.from(ofWindow(w), (i) => pieces.at(i)));
  }

  /** What the rounds left, training pieces first. */
  left(): Pieces {
    const all = new Pieces();
    for (const lane of this.#lanes) for (const piece of this.#open.get(lane)!) all.push(piece);
    return all;
  }
}
