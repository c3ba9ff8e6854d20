import type { Verdict } from '../core/document.ts';
import { ownOf } from '../core/own.ts';
import { keyOf, philox, STREAM } from '../core/random.ts';
import type { LongShare } from './long-share.ts';

/** What is asked of the documents of a source. */
export interface Rules {
  /** How often each is there: the whole part for certain, the fraction by a draw. */
  readonly epochs: number;
  /** Tokens at most, copies counted: the first documents in plan order. */
  readonly tokens: number | null;
  readonly minTokens: number;
  readonly maxTokens: number | null;
}

/** Rules by source, and those that look across sources. */
export interface MixRules {
  readonly all: Rules;
  readonly bySource: Readonly<Record<string, Rules>>;
  readonly duplicates: 'keep' | 'drop';
  /** Null: whatever share there is. */
  readonly longShare?: LongShare | null;
}

export const rulesFor = ({ all, bySource }: MixRules, source: string): Rules => ownOf(bySource, source) ?? all;

const each = (rules: MixRules, is: (of: Rules) => boolean): boolean =>
  [rules.all, ...Object.values(rules.bySource)].some(is);

/** Whether any document may be there more or less than once for its own sake. */
export const judges = (rules: MixRules): boolean =>
  each(rules, ({ epochs, minTokens, maxTokens }) => epochs !== 1 || minTokens > 0 || maxTokens !== null);

/** Whether what becomes of a document hangs on those before it: then all are looked at before any is packed. */
export const looksAcross = (rules: MixRules): boolean =>
  rules.duplicates === 'drop' || Boolean(rules.longShare) || each(rules, ({ tokens }) => tokens !== null);

/** Why documents are dropped here; a filter's own reasons begin with `filter`. */
export const TOO_FEW = 'too-few-tokens';
export const TOO_MANY = 'too-many-tokens';
export const NOT_DRAWN = 'not-drawn';
export const DUPLICATE = 'duplicate';
export const OVER_BUDGET = 'over-budget';
export const LONG_SHARE = 'long-share';

/** Whether a document was dropped by a rule here: then all of it, whatever packing would have done. */
export const isChosen = (reason: string): boolean =>
  [TOO_FEW, TOO_MANY, NOT_DRAWN, DUPLICATE, OVER_BUDGET, LONG_SHARE, 'filter'].includes(reason) ||
  reason.startsWith('filter: ');

const dropped = (reason: string): Verdict => ({ copies: 0, dropped: reason });
const REASONS = { few: dropped(TOO_FEW), many: dropped(TOO_MANY), draw: dropped(NOT_DRAWN) };

/** The rule of length, or null where a document keeps it. One without tokens is not ours to judge. */
export function lengthVerdict({ minTokens, maxTokens }: Rules, tokens: number): Verdict | null {
  if (tokens > 0 && tokens < minTokens) return REASONS.few;
  return maxTokens !== null && tokens > maxTokens ? REASONS.many : null;
}

/**
 * Copies of a document: drawn by its content, so that the same text fares the same wherever it stands. `hash` is 12 bytes
 * or more of the text's SHA-256. A draw of its own stream: whether a document is held out says nothing about it.
 */
export function copiesDraw(seed: number): (epochs: number, hash: Uint8Array) => Verdict {
  const draw = new Uint32Array(4);
  const key = keyOf(seed);
  return (epochs, hash) => {
    const whole = Math.floor(epochs);
    let copies = whole;
    if (epochs > whole) {
      const view = new DataView(hash.buffer, hash.byteOffset);
      philox(draw, key, view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true), STREAM.copies);
      if (draw[0]! / 2 ** 32 < epochs - whole) copies++;
    }
    return copies === 0 ? REASONS.draw : { copies, dropped: '' };
  };
}
