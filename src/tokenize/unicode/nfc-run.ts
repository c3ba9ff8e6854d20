import { nfcTables } from './nfc-tables.ts';

/** Hangul is computed (the standard, section 3.12): 19 leads, 21 vowels, 27 tails or none. */
const SYLLABLES = 0xac00;
const LEADS = 0x1100;
const VOWELS = 0x1161;
/** One before the first tail: no tail is 0. */
const TAILS = 0x11a7;
const [LEAD_COUNT, VOWEL_COUNT, TAIL_COUNT] = [19, 21, 28];
const SYLLABLE_COUNT = LEAD_COUNT * VOWEL_COUNT * TAIL_COUNT;

/** Marks after one letter that are sorted by insertion: real text has 3. Counting takes 256 steps even for none. */
const INSERTION_MARKS = 24;

/**
 * Code points brought into NFC together: the standard's three passes, on arrays that are kept for the next run. Time
 * grows with their number, whatever they are: a document may be a megabyte of marks in the worst order.
 */
export class NfcRun {
  points = new Int32Array(256);
  length = 0;
  #classes = new Uint8Array(256);
  #sortedPoints = new Int32Array(0);
  #sortedClasses = new Uint8Array(0);
  readonly #tables = nfcTables();

  /** Adds what `codePoint` decomposes to. */
  push(codePoint: number): void {
    const syllable = codePoint - SYLLABLES;
    if (syllable >= 0 && syllable < SYLLABLE_COUNT) {
      const rest = Math.floor(syllable / TAIL_COUNT);
      const tail = syllable % TAIL_COUNT;
      this.#append(LEADS + Math.floor(rest / VOWEL_COUNT));
      this.#append(VOWELS + (rest % VOWEL_COUNT));
      if (tail > 0) this.#append(TAILS + tail);
      return;
    }
    const parts = codePoint < 0xc0 ? undefined : this.#tables.decompositions.get(codePoint);
    if (parts === undefined) {
      this.#append(codePoint);
      return;
    }
    this.push(parts[0]!);
    for (let i = 1; i < parts.length; i++) this.#append(parts[i]!);
  }

  /** Brings `points` into NFC, in place. */
  normalize(): void {
    for (let i = 0; i < this.length;) {
      const start = i;
      let [last, sorted] = [0, true];
      for (; i < this.length && this.#classes[i]! > 0; i++) {
        sorted &&= this.#classes[i]! >= last;
        last = this.#classes[i]!;
      }
      if (!sorted && i - start <= INSERTION_MARKS) this.#insertionSort(start, i);
      else if (!sorted) this.#countingSort(start, i);
      if (i === start) i++;
    }
    this.#compose();
  }

  #append(codePoint: number): void {
    if (this.length === this.points.length) this.#grow();
    const { index, properties } = this.#tables;
    this.points[this.length] = codePoint;
    // Uint8Array keeps the low byte: the class.
    this.#classes[this.length++] = properties[index[codePoint >> 7]! * 128 + (codePoint & 127)]!;
  }

  #grow(): void {
    const [points, classes] = [new Int32Array(2 * this.length), new Uint8Array(2 * this.length)];
    points.set(this.points);
    classes.set(this.#classes);
    [this.points, this.#classes] = [points, classes];
  }

  #insertionSort(start: number, end: number): void {
    const [points, classes] = [this.points, this.#classes];
    for (let i = start + 1; i < end; i++) {
      const [point, own] = [points[i]!, classes[i]!];
      let at = i;
      for (; at > start && classes[at - 1]! > own; at--) {
        points[at] = points[at - 1]!;
        classes[at] = classes[at - 1]!;
      }
      points[at] = point;
      classes[at] = own;
    }
  }

  /** Stable, as the standard wants it: marks of one class stay in their order. */
  #countingSort(start: number, end: number): void {
    const [points, classes] = [this.points, this.#classes];
    if (this.#sortedPoints.length < end - start) {
      this.#sortedPoints = new Int32Array(points.length);
      this.#sortedClasses = new Uint8Array(points.length);
    }
    const places = new Uint32Array(257);
    for (let i = start; i < end; i++) places[classes[i]! + 1]! += 1;
    for (let own = 1; own < 257; own++) places[own]! += places[own - 1]!;
    for (let i = start; i < end; i++) {
      const place = places[classes[i]!]!++;
      this.#sortedPoints[place] = points[i]!;
      this.#sortedClasses[place] = classes[i]!;
    }
    points.set(this.#sortedPoints.subarray(0, end - start), start);
    classes.set(this.#sortedClasses.subarray(0, end - start), start);
  }

  #compose(): void {
    const [points, classes] = [this.points, this.#classes];
    // The starter that what follows may join, and the class of the last code point kept since: a code point joins
    // unless one of its own class or higher, or another starter, stands between.
    let [starter, last, kept] = [-1, 0, 0];
    for (let i = 0; i < this.length; i++) {
      const [point, own] = [points[i]!, classes[i]!];
      if (starter >= 0 && (last < own || last === 0)) {
        const composite = this.#composite(points[starter]!, point);
        if (composite !== undefined) {
          points[starter] = composite;
          continue;
        }
      }
      if (own === 0) starter = kept;
      last = own;
      points[kept++] = point;
    }
    this.length = kept;
  }

  #composite(first: number, second: number): number | undefined {
    if (second >= VOWELS && second < TAILS + TAIL_COUNT) {
      const [lead, vowel] = [first - LEADS, second - VOWELS];
      if (lead >= 0 && lead < LEAD_COUNT)
        return vowel < VOWEL_COUNT ? SYLLABLES + (lead * VOWEL_COUNT + vowel) * TAIL_COUNT : undefined;
      const syllable = first - SYLLABLES;
      if (syllable < 0 || syllable >= SYLLABLE_COUNT || syllable % TAIL_COUNT > 0) return undefined;
      return second > TAILS ? first + (second - TAILS) : undefined;
    }
    return this.#tables.compositions.get(second)?.get(first);
  }
}
