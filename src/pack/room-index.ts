import { grown } from '../core/growing.ts';

/**
 * Open windows by the room left in them. "The fullest window with room for n tokens" is the first non-empty list at n or
 * above, found in a bit tree of 32 children a node: five levels for windows of 1M tokens, so constant time.
 */
export class RoomIndex {
  readonly #levels: Int32Array[] = [];
  /** Last opened window with this room, and for each window the one before it: a stack for each room. */
  readonly #head: Int32Array;
  #next: Int32Array<ArrayBuffer> = new Int32Array(64);
  /** Room of the window that was taken last. */
  taken = 0;

  constructor(windowLength: number) {
    this.#head = new Int32Array(windowLength + 1).fill(-1);
    for (let size = windowLength + 1; ; size = Math.ceil(size / 32)) {
      this.#levels.push(new Int32Array(Math.ceil(size / 32)));
      if (size <= 32) break;
    }
  }

  add(window: number, room: number): void {
    this.#next = grown(this.#next, window + 1);
    this.#next[window] = this.#head[room]!;
    this.#head[room] = window;
    for (let level = 0, i = room; level < this.#levels.length; level++, i >>>= 5)
      this.#levels[level]![i >>> 5]! |= 1 << (i & 31);
  }

  /** Takes out the window with the least room of at least `length` and returns its number, or -1; its room is `taken`. */
  take(length: number): number {
    const room = this.#atLeast(length);
    if (room < 0) return -1;
    const window = this.#head[room]!;
    this.#head[room] = this.#next[window]!;
    if (this.#next[window] === -1) this.#clear(room);
    this.taken = room;
    return window;
  }

  #atLeast(length: number): number {
    let index = length;
    for (let level = 0; level < this.#levels.length; level++) {
      const words = this.#levels[level]!;
      const word = index >>> 5;
      if (word >= words.length) return -1;
      const bits = words[word]! & (-1 << (index & 31));
      if (bits !== 0) {
        let found = word * 32 + lowestBit(bits);
        for (let below = level - 1; below >= 0; below--) found = found * 32 + lowestBit(this.#levels[below]![found]!);
        return found;
      }
      index = word + 1;
    }
    return -1;
  }

  #clear(room: number): void {
    for (let level = 0, i = room; level < this.#levels.length; level++, i >>>= 5) {
      const words = this.#levels[level]!;
      words[i >>> 5]! &= ~(1 << (i & 31));
      if (words[i >>> 5] !== 0) return;
    }
  }
}

const lowestBit = (bits: number): number => 31 - Math.clz32(bits & -bits);
