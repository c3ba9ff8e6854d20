import { ownOf } from '../core/own.ts';
import type { Decided, Surveyed } from './decide.ts';

/** What share of all tokens is to be of documents longer than a window: those fill windows by themselves. */
export interface LongShare {
  /** Between 0 and 1. */
  readonly share: number;
  /** Most tokens of a document that fits a window: one less than it has where a separator follows. */
  readonly longest: number;
  /** The same of sources for which it is another. */
  readonly longestOf: Readonly<Record<string, number>>;
}

const isLong = ({ longest, longestOf }: LongShare, source: string, tokens: number): boolean =>
  tokens > (ownOf(longestOf, source) ?? longest);

/** Of a kind of documents: the tokens there are, the share of them that stays, and how far that has come. */
interface Kind {
  all: number;
  keep: number;
  seen: number;
  kept: number;
}

/**
 * Thins out the kind of documents that there is too much of, evenly over plan order: at any document the tokens kept are
 * the wanted share of those seen, give or take half of the document. So the share of all is met to that, whatever the seed,
 * and no part of the inputs is left out.
 */
export class LongShareRule {
  readonly #of: LongShare;
  readonly #long: Kind;
  readonly #short: Kind;

  constructor(of: LongShare, long: number, short: number) {
    this.#of = of;
    const { share } = of;
    const kind = (all: number, wanted: number): Kind => ({
      all,
      keep: all === 0 ? 0 : Math.min(1, wanted / all),
      seen: 0,
      kept: 0,
    });
    this.#long = kind(long, (short * share) / (1 - share));
    this.#short = kind(short, (long * (1 - share)) / share);
  }

  /** Whether the next document, of so many tokens and copies, stays. */
  keeps(source: string, tokens: number, copies: number): boolean {
    const kind = isLong(this.#of, source, tokens) ? this.#long : this.#short;
    const weight = tokens * copies;
    kind.seen += weight;
    if (kind.keep < 1 && kind.kept + weight / 2 > kind.keep * kind.seen) return false;
    kind.kept += weight;
    return true;
  }
}

/** The rule, from the tokens of all documents that are there by the other rules. */
export async function longShareRule(of: LongShare, decided: AsyncIterable<Decided<Surveyed>>): Promise<LongShareRule> {
  let [long, short] = [0, 0];
  for await (const { surveyed, copies } of decided)
    for (let i = 0; i < surveyed.length; i++) {
      const tokens = surveyed.tokens[i]!;
      if (isLong(of, surveyed.source(i), tokens)) long += tokens * copies[i]!;
      else short += tokens * copies[i]!;
    }
  return new LongShareRule(of, long, short);
}
