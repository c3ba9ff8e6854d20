import { bestFit } from './best-fit.ts';
import { longestFirst } from './order.ts';
import type { Placement } from './placement.ts';
import { RoomIndex } from './room-index.ts';

/** Pieces of at least these shares of a window are spread by cost: the first that needs no more windows than best-fit. */
const SPREAD_FROM = [0, 1 / 64, 1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2];
/** Cheapest windows that are looked at for room. */
const TRIES = 16;

/**
 * As many windows as best-fit decreasing needs, with what attention inside documents costs (the sum of lengths squared)
 * evened out between them: long pieces go into the window that costs least so far, short ones fill it up by best-fit. Where
 * pieces cannot be spread in so few windows only longer ones are; in the end none, which is best-fit itself.
 */
export function balancedFit(lengths: Int32Array, windowLength: number): Placement {
  const tightest = bestFit(lengths, windowLength);
  for (const share of SPREAD_FROM) {
    const placement = spread(lengths, windowLength, tightest.windows, Math.max(1, share * windowLength));
    if (placement) return placement;
  }
  return tightest;
}

/** Undefined where more than `windows` windows would be needed. */
function spread(lengths: Int32Array, windowLength: number, windows: number, least: number): Placement | undefined {
  const order = longestFirst(lengths, windowLength);
  const windowOf = new Int32Array(lengths.length);
  const rooms = new Int32Array(windows).fill(windowLength);
  const heap = new Cheapest(windows);
  let at = 0;
  for (; at < order.length && lengths[order[at]!]! >= least; at++) {
    const length = lengths[order[at]!]!;
    const window = heap.take((w) => rooms[w]! >= length);
    if (window < 0) return undefined;
    rooms[window]! -= length;
    heap.add(window, length * length);
    windowOf[order[at]!] = window;
  }
  const index = new RoomIndex(windowLength);
  for (let window = windows - 1; window >= 0; window--) if (rooms[window]! > 0) index.add(window, rooms[window]!);
  for (; at < order.length; at++) {
    const length = lengths[order[at]!]!;
    const window = index.take(length);
    if (window < 0) return undefined;
    windowOf[order[at]!] = window;
    if (index.taken > length) index.add(window, index.taken - length);
  }
  return withoutEmpty(windowOf, windows);
}

/** Windows in a heap by what they cost so far, then by number. */
class Cheapest {
  readonly #heap: Int32Array;
  readonly #costs: Float64Array;
  #size: number;

  constructor(windows: number) {
    this.#heap = Int32Array.from({ length: windows }, (_, window) => window);
    this.#costs = new Float64Array(windows);
    this.#size = windows;
  }

  /** Takes out the cheapest window that `fits`, of the first TRIES, or -1. */
  take(fits: (window: number) => boolean): number {
    const passed: number[] = [];
    let found = -1;
    while (found < 0 && passed.length < TRIES && this.#size > 0) {
      const window = this.#pop();
      if (fits(window)) found = window;
      else passed.push(window);
    }
    for (const window of passed) this.#push(window);
    return found;
  }

  add(window: number, cost: number): void {
    this.#costs[window]! += cost;
    this.#push(window);
  }

  #before(a: number, b: number): boolean {
    return this.#costs[a]! < this.#costs[b]! || (this.#costs[a] === this.#costs[b] && a < b);
  }

  #pop(): number {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap[--this.#size]!;
    let i = 0;
    for (let child = 1; child < this.#size; child = 2 * i + 1) {
      if (child + 1 < this.#size && this.#before(heap[child + 1]!, heap[child]!)) child++;
      if (!this.#before(heap[child]!, last)) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
    return top;
  }

  #push(window: number): void {
    const heap = this.#heap;
    let i = this.#size++;
    for (let parent = (i - 1) >> 1; i > 0 && this.#before(window, heap[parent]!); parent = (i - 1) >> 1) {
      heap[i] = heap[parent]!;
      i = parent;
    }
    heap[i] = window;
  }
}

/** Numbers without those of windows that hold nothing. */
function withoutEmpty(windowOf: Int32Array, windows: number): Placement {
  const number = new Int32Array(windows).fill(-1);
  let next = 0;
  for (let i = 0; i < windowOf.length; i++) {
    const window = windowOf[i]!;
    if (number[window] === -1) number[window] = next++;
    windowOf[i] = number[window]!;
  }
  return { windows: next, windowOf };
}
