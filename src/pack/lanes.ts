import { ownOf } from '../core/own.ts';
import { type Piece, SUBSETS } from '../core/window.ts';

/** Copies beyond this one share its lane: a lane costs a window or so that is not full. */
const COPY_LANES = 16;
/** Ranks are policies: a few. */
const RANKS = 64;

/**
 * Which pieces may share a window: those of one lane, that is of one subset, of sources with one boundary policy, and of one
 * copy. Best-fit puts pieces of one length side by side, so without lanes for copies most repeated documents would lie beside
 * themselves, where a model that attends to the whole window reads the answer off.
 */
export const lanes =
  (sources: Readonly<Record<string, { readonly rank: number }>>) =>
  ({ subset, source, copy }: Pick<Piece, 'subset' | 'source' | 'copy'>): number =>
    (SUBSETS.indexOf(subset) * RANKS + (ownOf(sources, source)?.rank ?? 0)) * COPY_LANES +
    Math.min(copy, COPY_LANES - 1);
