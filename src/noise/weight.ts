import { wholePower } from '../core/elementary.ts';
import type { NoiseForm } from '../core/noise.ts';
import { SCALE } from './schedule.ts';

/** Tokens that are masked of n under exact counts at p = k / 2^24: round(p n), halves up, at least one, of a pair at least one each. */
export const exactCount = (k: number, n: number, pairs: boolean): number =>
  Math.max(1, Math.min(pairs ? n - 1 : n, Math.floor((k * n + SCALE / 2) / SCALE)));

/** What of a form decides which tokens of a unit are masked. */
export type Masking = Pick<NoiseForm, 'masking' | 'atLeastOne' | 'complementary'>;

/** True where a pair cannot be: each half is to mask a token, and there is one. */
export const isTooShort = ({ masking, atLeastOne, complementary }: Masking, n: number): boolean =>
  n === 1 && complementary && (atLeastOne || masking === 'exact');

/**
 * The chance of one of a unit's n maskable tokens to be masked when the unit's p is k / 2^24, from 2^-24 to 1:
 *
 *   each by itself                 p
 *   given that one is masked       p / (1 - (1-p)^n)
 *   given that of a pair each has  (p - p^n) / (1 - (1-p)^n - p^n)
 *   exact counts                   round(p n) / n
 */
export function chance({ masking, atLeastOne, complementary }: Masking, k: number, n: number, complement: boolean) {
  if (masking === 'exact') {
    const count = complement ? n - exactCount(SCALE - k, n, true) : exactCount(k, n, complementary);
    return count / n;
  }
  const p = k / SCALE;
  if (!atLeastOne) return p;
  const all = complementary ? wholePower(p, n) : 0;
  return (p - all) / (1 - wholePower(1 - p, n) - all);
}
