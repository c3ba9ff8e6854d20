import { arcsine, exponential, logarithm, power, sine } from '../core/elementary.ts';
import type { NoiseForm, ScheduleName } from '../core/noise.ts';

/** Probabilities are stored as k / 2^24, exact in float32. */
export const SCALE = 2 ** 24;

/**
 * t runs from 0, where the slope of a root is endless: below this it counts as this. Times are multiples of 2^-24 or finer; so
 * E[p w] of t^(1/2) is 7e-5 above 1 over all of them; of other roots less, and of all other schedules within 1e-7.
 */
const LEAST_T = 2 ** -26;

/**
 * p(t) = 1 - alpha(t), the share that is masked at time t, in float64: for t in [0, 1) the same to the last bit everywhere, since
 * it takes nothing but core/elementary. For t uniform, E over t of p(t) w(t) is alpha(0) - alpha(1) with w = p'(t) / p(t).
 */
export interface Schedule {
  readonly name: ScheduleName;
  readonly p: (t: number) => number;
  /** p'(t), -alpha'(t): what a unit counts in the bound, whatever is masked of it. */
  readonly slope: (t: number) => number;
  /** The t of a p in its range. */
  readonly time: (p: number) => number;
}

type Parameters = Pick<NoiseForm, 'eps' | 'exponent' | 'sigmaMin' | 'sigmaMax' | 'beta' | 'omega'>;

const MAKERS: Readonly<Record<ScheduleName, (parameters: Parameters) => Omit<Schedule, 'name'>>> = {
  /** LLaDA (arXiv 2502.09992), SMDM: from eps to 1. */
  linear: ({ eps }) => ({ p: (t) => (1 - eps) * t + eps, slope: () => 1 - eps, time: (p) => (p - eps) / (1 - eps) }),

  /** MDLM, SEDD, BD3-LM: total noise -ln(1 - (1 - eps) t). From 0 to 1 - eps. */
  'log-linear': ({ eps }) => ({ p: (t) => (1 - eps) * t, slope: () => 1 - eps, time: (p) => p / (1 - eps) }),

  /** MDLM: 1 - eps - (1 - eps) cos(pi t / 2), which is 2 (1 - eps) sin^2(pi t / 4): no difference of near numbers. */
  cosine: ({ eps }) => ({
    p: (t) => {
      const s = sine((Math.PI / 4) * t);
      return 2 * (1 - eps) * s * s;
    },
    slope: (t) => {
      const s = sine((Math.PI / 4) * t);
      return (1 - eps) * Math.PI * s * Math.sqrt(1 - s * s);
    },
    time: (p) => (4 / Math.PI) * arcsine(Math.sqrt(p / (2 * (1 - eps)))),
  }),

  /** BD3-LM: t^exponent, never below eps; the slope goes on below it, as theirs does. */
  polynomial: ({ exponent, eps }) => ({
    p: (t) => Math.max(eps, power(t, exponent)),
    slope: (t) => exponent * power(t, exponent - 1),
    time: (p) => power(p, 1 / exponent),
  }),

  /** SEDD, MDLM: 1 - exp(-sigma), sigma = sigmaMin^(1-t) sigmaMax^t. */
  geometric: ({ sigmaMin, sigmaMax }) => {
    const first = logarithm(sigmaMin);
    const span = logarithm(sigmaMax) - first;
    // p and slope are asked for the same t, one after the other.
    let [last, sigma, kept] = [NaN, 0, 0];
    const look = (t: number): void => {
      if (t === last) return;
      [last, sigma] = [t, exponential(first + t * span)];
      kept = exponential(-sigma);
    };
    return {
      p: (t) => {
        look(t);
        return 1 - kept;
      },
      slope: (t) => {
        look(t);
        return span * sigma * kept;
      },
      time: (p) => (logarithm(-logarithm(1 - p)) - first) / span,
    };
  },

  /** BD3-LM, LLaDA 2.0: uniform from beta to omega. With weights 1 / p a biased bound: what lies outside is left out. */
  clipped: ({ beta, omega }) => ({
    p: (t) => beta + (omega - beta) * t,
    slope: () => omega - beta,
    time: (p) => (p - beta) / (omega - beta),
  }),
};

export function scheduleOf(name: ScheduleName, parameters: Parameters): Schedule {
  const { p, slope, time } = MAKERS[name](parameters);
  return { name, time, p: (t) => p(Math.max(LEAST_T, t)), slope: (t) => slope(Math.max(LEAST_T, t)) };
}

/** k of k / 2^24: the stored p of a probability in [0, 1], never 0. */
export const steps = (p: number): number => Math.min(SCALE, Math.max(1, Math.round(p * SCALE)));
