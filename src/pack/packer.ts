import { Pieces } from '../core/pieces.ts';
import type { Piece, Subset, Window } from '../core/window.ts';
import { assembleWindow } from './assemble.ts';
import { bundle, unbundle } from './bundles.ts';
import { lanes } from './lanes.ts';
import { type Method, placePieces } from './method.ts';
import type { Placed } from './placement.ts';
import { boundTails, windowsForTail } from './tail.ts';

/**
 * Tokens that packing looks over at once, 64 MiB of ids: about twice an ordinary split, so that most are packed in one
 * round. What is larger (a split with many copies, one record over many splits, the tails of a corpus) takes several.
 */
export const ROUND_TOKENS = 16 * 1024 * 1024;

export interface PackerOptions {
  readonly windowLength: number;
  readonly pad: number;
  readonly method: Method;
  readonly roundTokens: number;
  /** Whether all windows lie in the same memory: one is good until the next is asked for. */
  readonly again?: boolean;
  /** Sources whose pieces have windows of their own, with a number from 1 for those that may share one. */
  readonly sources: Readonly<Record<string, { readonly rank: number }>>;
}

/** Pieces of a lane in windows; `stays` has a 1 for those that are given up: their pieces wait for another round. */
interface Packed extends Placed {
  readonly lane: number;
  readonly stays: Int32Array;
}

/** The method for pieces that are not cut any more, to fill windows. */
const uncut = (method: Method): Method => (method === 'concat' ? 'best-fit' : method);

/** Groups go into windows whole, or as much of them as a window takes; under `concat` all is in reading order. */
function placeGroups(pieces: Pieces, windowLength: number, method: Method): Placed {
  const lengths = pieces.lengths();
  if (method === 'concat' || pieces.ungrouped) return placePieces(lengths, windowLength, method);
  const bundles = bundle(lengths, pieces.keys(), windowLength);
  return unbundle(placePieces(bundles.lengths, windowLength, method), bundles);
}

/** Gathers pieces and packs them in rounds: holds the pieces of one round and what the ones before it left. */
export class Packer {
  readonly #options: PackerOptions;
  readonly #laneOf: (piece: Piece) => number;
  readonly #open = new Map<number, Pieces>();
  #windows = 0;
  #again: Int32Array | undefined;
  /** Tokens since the last round. */
  #added = 0;

  constructor(options: PackerOptions) {
    this.#options = options;
    this.#laneOf = lanes(options.sources);
  }

  /** Lanes with pieces in them, those of training first. */
  get #lanes(): number[] {
    return [...this.#open.keys()].sort((a, b) => a - b);
  }

  /** Whether there is enough for a round: of new tokens, since what the last one left can be a round by itself. */
  get full(): boolean {
    return this.#added >= this.#options.roundTokens;
  }

  add(piece: Piece): void {
    const lane = this.#laneOf(piece);
    let pieces = this.#open.get(lane);
    if (!pieces) this.#open.set(lane, (pieces = new Pieces()));
    pieces.push(piece);
    this.#added += piece.ids.length;
  }

  /** The next window, of these pieces of one lane. */
  window(subset: Subset, pieces: Iterable<Piece>): Window {
    const { windowLength, pad, again } = this.#options;
    const inputIds = this.#again ?? new Int32Array(windowLength);
    if (again) this.#again = inputIds;
    return assembleWindow(this.#windows++, subset, pieces, inputIds, pad);
  }

  /**
   * Training windows, then validation windows, lane by lane; what would fill a window badly is kept for the next round.
   * Under `concat`, `open` tells whether a lane's last window takes more: no other is kept then. It has no answer for a lane
   * whose pieces were cut for another's windows: those are placed by best-fit.
   */
  *round(open: (lane: number) => boolean | undefined): Generator<Window> {
    const { windowLength, method, roundTokens } = this.#options;
    const bounded: Packed[] = [];
    const packed = this.#lanes.map((lane): Packed => {
      const last = method === 'concat' ? open(lane) : undefined;
      if (last !== undefined)
        return this.#place(lane, method, (fills) => fills.map((_, w) => (last && w === fills.length - 1 ? 1 : 0)));
      const { tokens } = this.#open.get(lane)!;
      const placed = this.#place(lane, uncut(method), (fills) => windowsForTail(fills, windowLength, tokens));
      bounded.push(placed);
      return placed;
    });
    boundTails(bounded, windowLength, roundTokens);
    yield* this.#assembled(packed);
  }

  /** All that is left, however badly it fills its windows. */
  *rest(): Generator<Window> {
    const method = uncut(this.#options.method);
    yield* this.#assembled(
      this.#lanes.map((lane) => this.#place(lane, method, ({ length }) => new Int32Array(length))),
    );
  }

  #place(lane: number, method: Method, kept: (fills: Int32Array) => Int32Array): Packed {
    const pieces = this.#open.get(lane)!;
    const placed = placeGroups(pieces, this.#options.windowLength, method);
    return { ...placed, lane, stays: kept(placed.fills) };
  }

  *#assembled(packed: readonly Packed[]): Generator<Window> {
    this.#added = 0;
    for (const { lane, fills, starts, pieces: order, stays } of packed) {
      const pieces = this.#open.get(lane)!;
      const left = new Pieces();
      const ofWindow = (w: number): Int32Array => order.subarray(starts[w], starts[w + 1]);
      const leaving = Int32Array.from(stayingPieces(ofWindow, stays)).sort();
      for (const i of leaving) left.push(pieces.at(i));
      this.#open.set(lane, left);
      // One window at a time, and one piece of it: assembled windows are what costs memory here, and with short lines objects.
      for (let w = 0; w < fills.length; w++)
        if (!stays[w]) yield this.window(pieces.at(ofWindow(w)[0]!).subset, piecesAt(pieces, ofWindow(w)));
      pieces.release();
    }
  }

  /** What the rounds left, training pieces first; nothing is left then. */
  left(): Pieces {
    const all = new Pieces();
    for (const lane of this.#lanes) {
      const pieces = this.#open.get(lane)!;
      for (const piece of pieces) all.push(piece);
      pieces.release();
    }
    this.#open.clear();
    return all;
  }
}

function* piecesAt(pieces: Pieces, numbers: Int32Array): Generator<Piece> {
  for (const i of numbers) yield pieces.at(i);
}

function* stayingPieces(ofWindow: (w: number) => Int32Array, stays: Int32Array): Generator<number> {
  for (let w = 0; w < stays.length; w++) if (stays[w]) yield* ofWindow(w);
}
