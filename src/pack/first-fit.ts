import type { Placement } from './placement.ts';

/** First-fit: each piece, in the order given, into the first window that has room for it. No length is above `windowLength`. */
export function firstFit(lengths: Int32Array, windowLength: number, order: Iterable<number>): Placement {
  const rooms = new FirstWithRoom(windowLength);
  const windowOf = new Int32Array(lengths.length);
  for (const piece of order) windowOf[piece] = rooms.take(lengths[piece]!);
  return { windows: rooms.windows, windowOf };
}

/**
 * Windows in the order they were opened, under a tournament for the most room: node i has its children at 2i and 2i + 1, so
 * the first window with room is found in as many steps as the tree is deep.
 */
class FirstWithRoom {
  readonly #windowLength: number;
  /** [2 x leaves]; leaves of windows not opened yet have all their room. */
  #most: Int32Array;
  windows = 0;

  constructor(windowLength: number) {
    this.#windowLength = windowLength;
    this.#most = new Int32Array(2).fill(windowLength);
  }

  /** Takes `length` tokens of the first window with that much room, a new one if need be; returns its number. */
  take(length: number): number {
    if (this.#most[1]! < length) this.#double();
    const leaves = this.#most.length / 2;
    let node = 1;
    while (node < leaves) node = this.#most[node * 2]! >= length ? node * 2 : node * 2 + 1;
    const window = node - leaves;
    this.#most[node]! -= length;
    for (node >>= 1; node > 0; node >>= 1)
      this.#most[node] = Math.max(this.#most[node * 2]!, this.#most[node * 2 + 1]!);
    this.windows = Math.max(this.windows, window + 1);
    return window;
  }

  #double(): void {
    const leaves = this.#most.length / 2;
    const most = new Int32Array(leaves * 4).fill(this.#windowLength);
    for (let level = leaves; level > 0; level >>= 1) most.set(this.#most.subarray(level, level * 2), level * 2);
    this.#most = most;
  }
}
