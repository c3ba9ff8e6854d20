import { keyOf, philox, STREAM } from '../core/random.ts';
import type { Policy } from './policy.ts';

/** Policies that an annealing begins with, and those that it ends with. */
export const ANNEAL_FROM = ['eod', 'direct'] as const satisfies readonly Policy[];
export const ANNEAL_TO = ['adaptive', 'hybrid'] as const satisfies readonly Policy[];

/** A schedule over the training order of `epochs` epochs, by which windows go over from one policy to another. */
export interface Annealing {
  readonly from: (typeof ANNEAL_FROM)[number];
  /** Share of all steps, in (0, 1], after which every window has the policy that is gone over to. */
  readonly until: number;
  readonly epochs: number;
  readonly seed: number;
}

/**
 * Whether a window that is read `position`th of `count` in an epoch has gone over: a draw of its own, against a share that rises
 * evenly from 0 at the first step to 1 at `until`. Depends on (seed, epoch, window, position) only.
 */
export function hasGoneOver(
  { until, epochs, seed }: Annealing,
  epoch: number,
  window: number,
  position: number,
  count: number,
): boolean {
  const draw = new Uint32Array(4);
  philox(draw, keyOf(seed), window, 0, epoch, STREAM.anneal);
  const progress = (epoch * count + position) / (epochs * count);
  return draw[0]! / 2 ** 32 < progress / until;
}
