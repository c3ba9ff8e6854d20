/** 32-bit words in a hash. */
const WORDS = 4;

/**
 * A set of 16-byte hashes by open addressing: 32 to 64 bytes for each, where a Set of strings takes 120. The hashes are of
 * SHA-256, so any 32 bits of one are as good as a hash of it.
 */
export class HashSet {
  #slots: Uint32Array;
  #mask: number;
  #held = 0;
  #zero = false;

  /** Grows beyond `expected` different hashes: texts can be chosen for the first bits of their hashes. */
  constructor(expected: number) {
    const slots = 2 ** Math.max(4, Math.ceil(Math.log2(expected * 2)));
    this.#slots = new Uint32Array(slots * WORDS);
    this.#mask = slots - 1;
  }

  /** Adds hash `i` of `hashes`; false where it is there already. */
  add(hashes: Uint32Array, i: number): boolean {
    const at = i * WORDS;
    if (isEmpty(hashes, at)) {
      const known = this.#zero;
      this.#zero = true;
      return !known;
    }
    const slot = this.#find(hashes, at);
    if (!isEmpty(this.#slots, slot)) return false;
    this.#slots.set(hashes.subarray(at, at + WORDS), slot);
    // At most half full: a look takes 1.5 slots on average.
    if (++this.#held * 2 > this.#mask) this.#grow();
    return true;
  }

  /** Where a hash is, or would be. The first word says which pass a hash is of (decide.ts); the second is free. */
  #find(hashes: Uint32Array, at: number): number {
    const slots = this.#slots;
    for (let slot = hashes[at + 1]! & this.#mask; ; slot = (slot + 1) & this.#mask) {
      const s = slot * WORDS;
      if (isEmpty(slots, s)) return s;
      if (
        slots[s] === hashes[at] &&
        slots[s + 1] === hashes[at + 1] &&
        slots[s + 2] === hashes[at + 2] &&
        slots[s + 3] === hashes[at + 3]
      )
        return s;
    }
  }

  #grow(): void {
    const before = this.#slots;
    this.#slots = new Uint32Array(before.length * 2);
    this.#mask = this.#mask * 2 + 1;
    for (let at = 0; at < before.length; at += WORDS)
      if (!isEmpty(before, at)) this.#slots.set(before.subarray(at, at + WORDS), this.#find(before, at));
  }
}

/** What stands in a slot that nothing is in; a hash of zeros is kept beside. */
const isEmpty = (words: Uint32Array, at: number): boolean =>
  (words[at]! | words[at + 1]! | words[at + 2]! | words[at + 3]!) === 0;
