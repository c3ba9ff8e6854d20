/** Probabilities are stored as k / 2^24, exact in float32. */
export const SCALE = 2 ** 24;

export interface Schedule {
  readonly name: string;
  /** t in [0, 1) to the mask probability as k of k / 2^24, 1 <= k <= 2^24. */
  readonly p: (t: number) => number;
  /** Loss weight of a masked token whose probability is p. */
  readonly weight: (p: number) => number;
}

/**
 * LLaDA's (arXiv 2502.09992): p = (1 - eps) t + eps, and the loss of a masked token counts 1 / p. Only additions,
 * multiplications and one division in float64, which IEEE 754 fixes to the last bit on every platform.
 */
export const linear = (eps: number): Schedule => ({
  name: 'linear',
  p: (t) => Math.min(SCALE, Math.max(1, Math.round(((1 - eps) * t + eps) * SCALE))),
  weight: (p) => Math.fround(1 / p),
});
