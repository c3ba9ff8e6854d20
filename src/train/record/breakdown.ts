import type { NoisedSlab } from '../slab.ts';

/** Shares of p from 0 to 1. */
const P_BINS = 10;
/** Positions below are one bucket: a window has too few of them for buckets of their own. */
const FIRST_POSITIONS = 16;

/** Cross-entropies of a slab's masked tokens, [masked], in nats. */
export interface MaskedTokens {
  readonly slab: Pick<NoisedSlab, 'masked' | 'positions' | 'weights' | 'p'>;
  readonly crossEntropies: Float32Array;
}

/** Sums a bin: plain numbers, so that they come back from JSON to the last bit. */
export interface Sums {
  readonly tokens: number[];
  readonly crossEntropy: number[];
  readonly weighted: number[];
}

/** Cross-entropies summed by p and by position. */
export interface Tally {
  readonly byP: Sums;
  readonly byPosition: Sums;
}

/** Mean loss a bin. */
export interface Bins {
  /** Least p, or first position, of each. */
  readonly from: readonly number[];
  /** Masked tokens in it. */
  readonly tokens: readonly number[];
  /** Cross-entropy, nats a masked token; null without any. */
  readonly loss: readonly (number | null)[];
  /** The same times each token's loss weight: what it adds to the training loss. */
  readonly weighted: readonly (number | null)[];
}

export interface Breakdown {
  readonly byP: Bins;
  readonly byPosition: Bins;
}

/** The bucket of a position: [0, 16), [16, 32), [32, 64), ... */
export const bucketOf = (position: number): number => (position < FIRST_POSITIONS ? 0 : 28 - Math.clz32(position));

const binOf = (p: number): number => Math.min(P_BINS - 1, Math.floor(p * P_BINS));

export function emptyTally(windowLength: number): Tally {
  const zeros = (length: number): number[] => Array.from({ length }, () => 0);
  const sums = (bins: number): Sums => ({ tokens: zeros(bins), crossEntropy: zeros(bins), weighted: zeros(bins) });
  return { byP: sums(P_BINS), byPosition: sums(bucketOf(windowLength - 1) + 1) };
}

/** Adds masked tokens to a tally. */
export function tallyUp({ byP, byPosition }: Tally, { slab, crossEntropies }: MaskedTokens): void {
  for (const [i, nats] of crossEntropies.entries()) {
    const weighted = nats * slab.weights[i]!;
    add(byP, binOf(slab.p[i]!), nats, weighted);
    add(byPosition, bucketOf(slab.positions[slab.masked[i]!]!), nats, weighted);
  }
}

function add(sums: Sums, bin: number, nats: number, weighted: number): void {
  sums.tokens[bin]! += 1;
  sums.crossEntropy[bin]! += nats;
  sums.weighted[bin]! += weighted;
}

export function breakdownOf({ byP, byPosition }: Tally): Breakdown {
  const bins = ({ tokens, crossEntropy, weighted }: Sums, from: (bin: number) => number): Bins => {
    const means = (sums: readonly number[]): (number | null)[] =>
      sums.map((sum, bin) => (tokens[bin] ? sum / tokens[bin] : null));
    return {
      from: tokens.map((_, bin) => from(bin)),
      tokens: [...tokens],
      loss: means(crossEntropy),
      weighted: means(weighted),
    };
  };
  return {
    byP: bins(byP, (bin) => bin / P_BINS),
    byPosition: bins(byPosition, (bin) => (bin === 0 ? 0 : FIRST_POSITIONS * 2 ** (bin - 1))),
  };
}

/** Nats a masked token of all of them; null without any. */
export function meanOf({ byP: { tokens, crossEntropy } }: Tally): number | null {
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  return sum(tokens) ? sum(crossEntropy) / sum(tokens) : null;
}

/** Whether a value that was read has the form of a tally for windows of this length. */
export function isTally(value: unknown, windowLength: number): value is Tally {
  const like = (found: unknown, form: unknown): boolean =>
    typeof form === 'number'
      ? Number.isFinite(found)
      : Object.entries(form as object).every(([name, part]) => like(Object(found)[name], part));
  return like(value, emptyTally(windowLength));
}
