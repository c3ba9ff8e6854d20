import type { Verdict } from '../core/document.ts';
import { ownOf } from '../core/own.ts';
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

/** Whether any of that hangs on how many tokens a document has; without, a survey need not tokenize. */
export const countsTokens = (rules: MixRules): boolean =>
  Boolean(rules.longShare) ||
  each(rules, ({ tokens, minTokens, maxTokens }) => tokens !== null || minTokens > 0 || maxTokens !== null);

/** Why documents are dropped here; a filter's own reasons begin with `filter`. */
export const TOO_FEW = 'too-few-tokens';
export const TOO_MANY = 'too-many-tokens';
export const NOT_DRAWN = 'not-drawn';
export const DUPLICATE = 'duplicate';
export const OVER_BUDGET = 'over-budget';
export const LONG_SHARE = 'long-share';

/** Whether a document was dropped by a rule here: then all of it, whatever packing would have done. */
export const isChosen = (reason: string): boolean =>
  [TOO_FEW, TOO_MANY, NOT_DRAWN, DUPLICATE, OVER_BUDGET, LONG_SHARE].includes(reason) || isFiltered(reason);

/** Whether a user's filter dropped a document. */
export const isFiltered = (reason: string): boolean => reason === 'filter' || reason.startsWith('filter: ');

const dropped = (reason: string): Verdict => ({ copies: 0, dropped: reason });
const [FEW, MANY, UNDRAWN] = [dropped(TOO_FEW), dropped(TOO_MANY), dropped(NOT_DRAWN)];

/** The rule of length, or null where a document keeps it. One without tokens is not ours to judge. */
export function lengthVerdict({ minTokens, maxTokens }: Rules, tokens: number): Verdict | null {
  if (tokens > 0 && tokens < minTokens) return FEW;
  return maxTokens !== null && tokens > maxTokens ? MANY : null;
}

/** Copies of a document, by the draw (core/draws.ts) where its source's epochs are a fraction. */
export const drawnVerdict = (copies: number): Verdict => (copies === 0 ? UNDRAWN : { copies, dropped: '' });
