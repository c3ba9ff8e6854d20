/** So many items are copied one by one; of 1000, a call is 5 times as fast, compiled or not. */
const FEW = 64;
/** What is longer has memory of its own. */
export const SHORT_BYTES = 64 * 1024;
/** All of one size: with slabs of 64 KiB for what was shorter than 4, 10 GB took 9 % more than 1 GB, with these 7. */
export const SLAB_BYTES = 1024 * 1024;
/** The same where slabs are used again: more is not kept for one document. */
const LONG_BYTES = 2 * 1024 * 1024;

type Kept = Uint8Array<ArrayBuffer> | Int32Array<ArrayBuffer>;

/**
 * Copies of short arrays, many in one piece of memory. Each piece is something outside its heap that V8 keeps a record of, and
 * collects for: of a million lines of 70 bytes, with memory of their own for text and ids, that was a third of the time.
 * A piece lives as long as any copy in it, unless `reuse` is called: for what is used up soon.
 */
export class Slab<T extends Kept> {
  readonly #make: (length: number) => T;
  readonly #none: T;
  #slab: T;
  #used = 0;
  /** Those that are used again, in the order they are filled. */
  #kept: T[] | undefined;
  /** How many of them are in use. */
  #filled = 0;

  constructor(make: (length: number) => T) {
    this.#make = make;
    this.#slab = this.#none = make(0);
  }

  /** Begins anew, in memory the system has given out: nobody may hold a copy. A page touched first costs 1.5 to 3 us. */
  begin(): void {
    if (this.#slab.length === 0) this.#slab = this.#make(SLAB_BYTES / this.#slab.BYTES_PER_ELEMENT);
    this.#slab.fill(0);
    this.#used = 0;
  }

  /** Nobody looks at what was copied so far: from now on all that is copied between two calls lies in the same memory. */
  reuse(): void {
    this.#kept ??= this.#slab.length > 0 ? [this.#slab] : [];
    this.#slab = this.#none;
    this.#used = this.#filled = 0;
  }

  /** A copy of the items [start, end). */
  copy(from: T, start: number, end: number): T {
    const length = end - start;
    const copy = this.take(length);
    if (length > FEW) copy.set(from.subarray(start, end));
    else for (let i = 0; i < length; i++) copy[i] = from[start + i]!;
    return copy;
  }

  /** Room for so many items: what is in it is anything. */
  take(length: number): T {
    const bytes = length * this.#slab.BYTES_PER_ELEMENT;
    if (bytes > (this.#kept ? LONG_BYTES : SHORT_BYTES)) return this.#make(length);
    if (this.#used + length > this.#slab.length) this.#next(bytes);
    const taken = this.#slab.subarray(this.#used, this.#used + length) as T;
    this.#used += length;
    return taken;
  }

  #next(bytes: number): void {
    const known = this.#kept?.[this.#filled];
    const room = bytes > SLAB_BYTES ? LONG_BYTES : SLAB_BYTES;
    this.#slab = known && known.byteLength >= bytes ? known : this.#make(room / this.#slab.BYTES_PER_ELEMENT);
    if (this.#kept) this.#kept[this.#filled++] = this.#slab;
    this.#used = 0;
  }
}
