import type { Decided, Surveyed } from './decide.ts';

/** What share of all tokens is to be of documents longer than a window: those fill windows by themselves. */
export interface LongShare {
  /** Between 0 and 1. */
  readonly share: number;
  readonly windowLength: number;
}

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
  readonly #windowLength: number;
  readonly #long: Kind;
  readonly #short: Kind;

  constructor({ share, windowLength }: LongShare, long: number, short: number) {
    this.#windowLength = windowLength;
    const kind = (all: number, wanted: number): Kind => ({
      all,
      keep: all === 0 ? 0 : Math.min(1, wanted / all),
      seen: 0,
      kept: 0,
    });
    this.#long = kind(long, (short * share) / (1 - share));
    this.#short = kind(short, (long * (1 - share)) / share);
  }

  /** Whether the next document, of so many tokens with all its copies, stays. */
  keeps(tokens: number, copies: number): boolean {
    const kind = tokens > this.#windowLength ? this.#long : this.#short;
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
      if (tokens > of.windowLength) long += tokens * copies[i]!;
      else short += tokens * copies[i]!;
    }
  return new LongShareRule(of, long, short);
}
