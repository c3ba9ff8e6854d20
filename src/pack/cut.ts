/** What becomes of a document longer than the window. */
export const LONG_DOCUMENTS = ['split', 'truncate', 'drop'] as const;
export type LongDocuments = (typeof LONG_DOCUMENTS)[number];

/** Why tokens of a document go nowhere. */
export type DropReason = 'no-tokens' | 'truncated' | 'longer-than-window' | 'short-document' | 'short-remainder';

export interface CutRules {
  readonly windowLength: number;
  readonly longDocuments: LongDocuments;
  /** Least tokens in a segment, its separator included; 0: no such limit. At most `windowLength`. */
  readonly minSegment: number;
  /** Whether a separator follows each document. */
  readonly separator: boolean;
}

/** How a document is cut: into parts without a gap, from its first token. What goes nowhere is its end, or all of it. */
export interface Cut {
  /** Tokens of the document that are packed. */
  readonly kept: number;
  /** Where each part ends, ascending; the separator is in the last one. Empty: nothing is packed. */
  readonly ends: readonly number[];
  /** Why the tokens after `kept` go nowhere; null where there are none. */
  readonly reason: DropReason | null;
}

/** A better place to cut than `end`, in (least, end]: `end` itself where there is none. Offsets in the document. */
export type SoftEnd = (least: number, end: number) => number;

/** A part of a long document may end so much before its window does, for a cut between paragraphs, lines or sentences. */
const SOFT_SHARE = 0.05;

const nothing = (reason: DropReason): Cut => ({ kept: 0, ends: [], reason });

/**
 * Cuts a document of `tokens` tokens; the first part may hold `room` of them, the others a window's. `room` is at least
 * `minSegment` and at least 1.
 */
export function cutDocument(tokens: number, rules: CutRules, room: number, softEnd?: SoftEnd): Cut {
  const { windowLength, longDocuments, minSegment } = rules;
  const separator = rules.separator ? 1 : 0;
  if (tokens === 0) return nothing('no-tokens');
  const long = tokens + separator > windowLength;
  if (long && longDocuments === 'drop') return nothing('longer-than-window');
  const truncated = long && longDocuments === 'truncate';
  const total = truncated ? windowLength : tokens + separator;
  if (total < minSegment) return nothing('short-document');
  const ends: number[] = [];
  let start = 0;
  for (let space = room; total - start > space; space = windowLength) {
    const end = start + space;
    const least = start + Math.max(Math.ceil(space * (1 - SOFT_SHARE)), minSegment) - 1;
    ends.push(softEnd && least < end ? softEnd(least, end) : end);
    start = ends.at(-1)!;
  }
  // What is left of the document after its last full part.
  if (start === 0 || total - start >= minSegment) {
    const kept = total - separator;
    return { kept, ends: [...ends, total], reason: truncated ? 'truncated' : null };
  }
  // The separator goes after what is kept: into the last part, whose last token makes room for it if need be.
  const last = ends.length === 1 ? room : windowLength;
  const from = ends.at(-2) ?? 0;
  const kept = start - from + separator > last ? start - separator : start;
  ends[ends.length - 1] = kept + separator;
  const reason = truncated ? 'truncated' : 'short-remainder';
  return { kept, ends, reason: kept < tokens ? reason : null };
}
