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
 * units with their p, and on the prompts. Nothing is allocated for a window, but where a unit is drawn again; for one thread.
 */
export class Masker {
  readonly #masking: Masking;
  readonly #complement: boolean;
  readonly #words: PositionWords;
  readonly #masked: Uint8Array;
  /** 1 where a token can be masked; with the words of a unit's, where tokens are counted. */
  readonly #open: Uint8Array;
  readonly #some: Uint32Array;

  constructor(form: NoiseForm, pass: number, windowLength: number) {
    this.#masking = form;
    this.#complement = isComplement(form, pass);
    this.#words = new PositionWords(windowLength);
    this.#masked = new Uint8Array(windowLength);
    const exact = form.masking === 'exact';
    this.#open = new Uint8Array(exact || form.atLeastOne ? windowLength : 0);
    this.#some = new Uint32Array(exact ? windowLength : 0);
    this.#warmUp();
  }

  /**
   * V8 keeps what it compiled in the middle of the first long loop, when it had not seen yet what comes after it, and gave it up at the
   * end of each unit from then on, 760,000 times in 60 windows (3M tokens/s). Short units first show it all.
   */
  #warmUp(): void {
    // Not one token: of a pair each half masks one.
    for (const length of [2, 8, 600])
      for (const p of [2 ** -24, 0.5])
        if (length <= this.#masked.length)
          this.mask({ unitLengths: Int32Array.of(length), p: Float32Array.of(p), key: [0, 0] }, []);
  }

  /** [window length] 1 where a token is masked; good until the next call. Padding and prompts are 0. */
  mask(row: MaskedUnits, segments: readonly Prompted[]): Uint8Array {
    const { unitLengths, p, key } = row;
    const masked = this.#masked;
    let length = 0;
    for (const tokens of unitLengths) length += tokens;
    const words = this.#words.of(key, length);
    const counted = this.#open.length > 0;
    if (counted) without(this.#open.fill(1, 0, length), segments, length);
    let end = 0;
    for (let unit = 0; unit < unitLengths.length; unit++) {
      const start = end;
      end += unitLengths[unit]!;
      const own = Math.round(p[unit]! * SCALE);
      const k = this.#complement ? SCALE - own : own;
      if (this.#masking.masking === 'exact') this.#exact(words, start, end, k);
      else if (counted) this.#atLeastOne(words, start, end, k, key);
      else if (this.#complement) for (let i = start; i < end; i++) masked[i] = 1 - below(words[i]! >>> 8, k);
      else for (let i = start; i < end; i++) masked[i] = below(words[i]! >>> 8, k);
    }
    if (!counted) without(masked, segments, length);
    return masked.fill(0, length);
  }

  #exact(words: Uint32Array, start: number, end: number, k: number): void {
    maskSmallest(words, this.#open, this.#masked, this.#some, start, end, k, this.#masking.complementary);
    if (this.#complement) this.#swap(start, end);
  }

  /** Each token by itself; where that masks none, or of a pair all, a draw from what is left of the outcomes. */
  #atLeastOne(words: Uint32Array, start: number, end: number, k: number, key: Key): void {
    const [masked, open] = [this.#masked, this.#open];
    const pairs = this.#masking.complementary;
    let n = 0;
    let count = 0;
    for (let i = start; i < end; i++) {
      const bit = below(words[i]! >>> 8, k) & open[i]!;
      masked[i] = bit;
      count += bit;
      n += open[i]!;
    }
    if (n > 0 && (count === 0 || (pairs && count === n))) {
      const at = Array.from({ length: end - start }, (_, i) => start + i).filter((i) => open[i]);
      drawAgain(masked, at, k, pairs, new SecondDraw(key, start));
    }
    if (this.#complement) this.#swap(start, end);
  }

  #swap(start: number, end: number): void {
    for (let i = start; i < end; i++) this.#masked[i]! ^= this.#open[i]!;
  }
}

/** Of a unit's open tokens those with the smallest words, of equal ones the first. `some`: room for the words. Exported for tests. */
export function maskSmallest(
  words: Uint32Array,
  open: Uint8Array,
  masked: Uint8Array,
  some: Uint32Array,
  start: number,
  end: number,
  k: number,
  pairs: boolean,
): void {
  let n = 0;
  for (let i = start; i < end; i++) {
    some[n] = words[i]!;
    n += open[i]!;
  }
  const count = n === 0 ? 0 : exactCount(k, n, pairs);
  const limit = count === 0 ? 0 : smallest(some, n, count);
  let left = count;
  for (let i = start; i < end; i++) {
    const bit = below(words[i]! >>> 1, limit >>> 1) & open[i]!;
    masked[i] = bit;
    left -= bit;
  }
  // What is left has the upper 31 bits of the limit: an even word below it, then the limit itself.
  for (const word of limit % 2 === 1 ? [limit - 1, limit] : [limit])
    for (let i = start; left > 0 && i < end; i++)
      if (words[i] === word && open[i] === 1) {
        masked[i] = 1;
        left--;
      }
}

/** 1 where a < b, 0 else, for whole numbers below 2^31, without a branch: at p = 1/2 that is guessed wrong every other time. */
const below = (a: number, b: number): number => (a - b) >>> 31;

/**
 * n tokens masked with p = k / 2^24 each, given that one is (of pairs: and one is not). The first masked one has a geometric
 * place that is cut off at n, and what comes after it is free; of pairs the first token is drawn, and so the first that differs.
 */
function drawAgain(masked: Uint8Array, at: readonly number[], k: number, pairs: boolean, draw: SecondDraw): void {
  const p = k / SCALE;
  const n = at.length;
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
    const id = x0[i]!;
    xt[i] = id ^ ((id ^ maskId) & -bit);
    count += bit;
  }
  return count;
}
