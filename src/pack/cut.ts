import type { TokenRun } from '../core/document.ts';

/** What becomes of a document longer than the window. */
export const LONG_DOCUMENTS = ['split', 'truncate', 'drop'] as const;
export type LongDocuments = (typeof LONG_DOCUMENTS)[number];

export interface Cut {
  /** Token ranges [start, end) of the document, with its separator. */
  readonly ids: Int32Array;
  readonly ranges: readonly (readonly [number, number])[];
  /** Tokens of the document that go nowhere. */
  readonly dropped: number;
  readonly inserted: number;
}

/** Cuts a document for windows of `windowLength`; `separator` is an id put after it, or null. */
export function cutDocument(run: TokenRun, windowLength: number, long: LongDocuments, separator: number | null): Cut {
  const room = separator === null ? 0 : 1;
  const tokens = run.ids.length;
  if (tokens === 0 || (tokens + room > windowLength && long === 'drop'))
    return { ids: run.ids, ranges: [], dropped: tokens, inserted: 0 };
  const kept = long === 'truncate' ? Math.min(tokens, windowLength - room) : tokens;
  let ids = run.ids.subarray(0, kept);
  if (separator !== null) {
    const separated = new Int32Array(kept + 1);
    separated.set(ids);
    separated[kept] = separator;
    ids = separated;
  }
  const ranges: [number, number][] = [];
  for (let start = 0; start < ids.length; start += windowLength)
    ranges.push([start, Math.min(start + windowLength, ids.length)]);
  return { ids, ranges, dropped: tokens - kept, inserted: room };
}
