import { wholePower } from '../core/elementary.ts';
import { isComplement, type NoiseForm } from '../core/noise.ts';
import type { Key } from '../core/random.ts';
import { SCALE } from './schedule.ts';
import { smallest } from './select.ts';
import { exactCount, type Masking } from './weight.ts';
import { PositionWords, SecondDraw } from './words.ts';

/** What decides the masked positions of a window; a row of a noise pass has it. */
export interface MaskedUnits {
  readonly unitLengths: Int32Array;
  readonly p: Float32Array;
  readonly key: Key;
}

/** Where a document starts in a window, and how many tokens at its start are a prompt. */
export interface Prompted {
  readonly start: number;
  readonly promptTokens: number;
}

/**
 * Masked positions of windows under one pass. They depend on (seed, pass, window, position) through the window's key, on the
 * units with their p, and on the prompts. Allocates nothing a window; for one thread.
 */
export class Masker {
  readonly #masking: Masking;
  readonly #complement: boolean;
  readonly #words: PositionWords;
  readonly #masked: Uint8Array;
  /** Words and positions of a unit's maskable tokens. */
  readonly #some: Uint32Array;
  readonly #at: Int32Array;

  constructor(form: NoiseForm, pass: number, windowLength: number) {
    this.#masking = form;
    this.#complement = isComplement(form, pass);
    this.#words = new PositionWords(windowLength);
    this.#masked = new Uint8Array(windowLength);
    const counts = form.masking === 'exact' || form.atLeastOne ? windowLength : 0;
    this.#some = new Uint32Array(form.masking === 'exact' ? counts : 0);
    this.#at = new Int32Array(counts);
  }

  /** [window length] 1 where a token is masked; good until the next call. Padding and prompts are 0. */
  mask(row: MaskedUnits, segments: readonly Prompted[]): Uint8Array {
    const { unitLengths, p, key } = row;
    const masked = this.#masked;
    let length = 0;
    for (const tokens of unitLengths) length += tokens;
    const words = this.#words.of(key, length);
    const counted = this.#at.length > 0;
    // Where tokens are counted: 1 for those that can be masked.
    if (counted) without(masked.fill(1, 0, length), segments, length);
    let end = 0;
    for (let unit = 0; unit < unitLengths.length; unit++) {
      const start = end;
      end += unitLengths[unit]!;
      const own = Math.round(p[unit]! * SCALE);
      const k = this.#complement ? SCALE - own : own;
      if (this.#masking.masking === 'exact') this.#exact(words, start, end, k);
      else if (counted) this.#atLeastOne(words, start, end, k, key);
      else if (this.#complement) for (let i = start; i < end; i++) masked[i] = words[i]! >>> 8 < k ? 0 : 1;
      else for (let i = start; i < end; i++) masked[i] = words[i]! >>> 8 < k ? 1 : 0;
    }
    if (!counted) without(masked, segments, length);
    return masked.fill(0, length);
  }

  /** Positions in [start, end) that can be masked, to `#at`; returns how many. */
  #maskable(start: number, end: number): number {
    let n = 0;
    for (let i = start; i < end; i++) if (this.#masked[i]) this.#at[n++] = i;
    return n;
  }

  /** The tokens with the smallest words, of equal ones the first. */
  #exact(words: Uint32Array, start: number, end: number, k: number): void {
    const n = this.#maskable(start, end);
    if (n === 0) return;
    const [masked, some, at] = [this.#masked, this.#some, this.#at];
    const count = exactCount(k, n, this.#masking.complementary);
    for (let j = 0; j < n; j++) some[j] = words[at[j]!]!;
    const limit = smallest(some, n, count);
    let equal = count;
    for (let j = 0; j < n; j++) if (words[at[j]!]! < limit) equal--;
    const [yes, no] = this.#complement ? [0, 1] : [1, 0];
    for (let j = 0; j < n; j++) {
      const word = words[at[j]!]!;
      masked[at[j]!] = word < limit || (word === limit && equal-- > 0) ? yes : no;
    }
  }

  /** Each token by itself; where that masks none, or of a pair all, a draw from what is left of the outcomes. */
  #atLeastOne(words: Uint32Array, start: number, end: number, k: number, key: Key): void {
    const n = this.#maskable(start, end);
    if (n === 0) return;
    const [masked, at] = [this.#masked, this.#at];
    const pairs = this.#masking.complementary;
    let count = 0;
    for (let j = 0; j < n; j++) count += masked[at[j]!] = words[at[j]!]! >>> 8 < k ? 1 : 0;
    if (count === 0 || (pairs && count === n)) drawAgain(masked, at, n, k, pairs, new SecondDraw(key, start));
    if (this.#complement) for (let j = 0; j < n; j++) masked[at[j]!]! ^= 1;
  }
}

/**
 * n tokens masked with p = k / 2^24 each, given that one is (of pairs: and one is not). The first masked one has a geometric
 * place that is cut off at n, and what comes after it is free; of pairs the first token is drawn, and so the first that differs.
 */
function drawAgain(masked: Uint8Array, at: Int32Array, n: number, k: number, pairs: boolean, draw: SecondDraw): void {
  const p = k / SCALE;
  let lead = 0;
  let first = 0;
  if (pairs) {
    const [all, none] = [wholePower(p, n), wholePower(1 - p, n)];
    lead = draw.side < (p - all) / (1 - none - all) ? 1 : 0;
    first = 1 + geometric(lead === 1 ? 1 - p : p, n - 1, draw.place);
  } else first = geometric(p, n, draw.place);
  for (let j = 0; j < first; j++) masked[at[j]!] = lead;
  masked[at[first]!] = 1 - lead;
  for (let j = first + 1; j < n; j++) masked[at[j]!] = draw.word(at[j]!) >>> 8 < k ? 1 : 0;
}

/** Place from 0 of the first success of n trials with chance p, given that there is one; u is uniform in [0, 1). */
function geometric(p: number, n: number, u: number): number {
  const q = 1 - p;
  const limit = 1 - u * (1 - wholePower(q, n));
  let place = 0;
  for (let none = q; none >= limit && place < n - 1; none *= q) place++;
  return place;
}

/** Takes the prompts out. */
function without(masked: Uint8Array, segments: readonly Prompted[], length: number): void {
  for (const { start, promptTokens } of segments)
    if (promptTokens > 0 && start < length) masked.fill(0, start, Math.min(length, start + promptTokens));
}

/** x0 to xt, [tokens] of each: the mask id at masked positions. Returns how many there are. */
export function corrupt(x0: Int32Array, masked: Uint8Array, maskId: number, xt: Int32Array): number {
  let count = 0;
  for (let i = 0; i < xt.length; i++) {
    const bit = masked[i]!;
    xt[i] = bit ? maskId : x0[i]!;
    count += bit;
  }
  return count;
}
