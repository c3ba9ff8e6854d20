import { balancedFit } from './balanced-fit.ts';
import { bestFit } from './best-fit.ts';
import { firstFit } from './first-fit.ts';
import { nextFit } from './next-fit.ts';
import { longestFirst } from './order.ts';
import { groupByWindow, type Placed, type Placement } from './placement.ts';

/**
 * How pieces become windows. `best-fit`, `balanced-fit` and `first-fit-decreasing` look at the longest piece first, `first-fit` at pieces
 * in reading order; `concat` fills each window to its end and cuts the document that lies there.
 */
export const METHODS = ['best-fit', 'balanced-fit', 'first-fit', 'first-fit-decreasing', 'concat'] as const;
export type Method = (typeof METHODS)[number];

const PLACE: Readonly<Record<Method, (lengths: Int32Array, windowLength: number) => Placement>> = {
  'best-fit': bestFit,
  'balanced-fit': balancedFit,
  'first-fit': (lengths, windowLength) => firstFit(lengths, windowLength, lengths.keys()),
  'first-fit-decreasing': (lengths, windowLength) =>
    firstFit(lengths, windowLength, longestFirst(lengths, windowLength)),
  concat: nextFit,
};

/** Puts pieces into windows, none longer than one. Those of `concat` have been cut where windows end. */
export function placePieces(lengths: Int32Array, windowLength: number, method: Method): Placed {
  const placement = PLACE[method](lengths, windowLength);
  const fills = new Int32Array(placement.windows);
  for (let piece = 0; piece < lengths.length; piece++) fills[placement.windowOf[piece]!]! += lengths[piece]!;
  return { windows: placement.windows, fills, ...groupByWindow(placement) };
}
