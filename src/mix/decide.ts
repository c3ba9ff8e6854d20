import { HashSet } from './hash-set.ts';
import { longShareRule } from './long-share.ts';
import { DUPLICATE, LONG_SHARE, type MixRules, OVER_BUDGET, rulesFor } from './rules.ts';

/** The documents of a split as the survey found them, each with the verdict of the rules that look at it alone. */
export interface Surveyed {
  readonly split: number;
  readonly length: number;
  /** [documents x 16 bytes], as little-endian words. */
  readonly hashes: Uint32Array;
  readonly tokens: Float64Array;
  readonly copies: Int32Array;
  source(i: number): string;
}

/** What becomes of the documents of a split: where `dropped` is empty, the survey's reason holds. */
export interface Decided<T extends Surveyed> {
  readonly surveyed: T;
  readonly copies: Int32Array;
  /** Places in DECISIONS. */
  readonly dropped: Uint8Array;
}

/** Why a document is dropped for the sake of others; the first: it is not. */
export const DECISIONS = ['', DUPLICATE, OVER_BUDGET, LONG_SHARE] as const;

/** Hashes that are looked at in one pass over the survey: 128 MiB. */
const PASS_HASHES = 2 ** 22;

/**
 * Decides what no document can say of itself, in plan order: of documents with one text the first that is there stays, and
 * a source's first documents stay until the next one would exceed its budget; then long or short documents are thinned out
 * for `longShare`. `surveys` gives all splits in plan order, each
 * time anew: hashes are looked at in passes by their first word, so that memory is bounded (and 1 bit a document)
 * whatever their number; 100 million take 24 passes over 16 bytes each.
 */
export async function* decide<T extends Surveyed>(
  surveys: () => AsyncIterable<T>,
  documents: number,
  rules: MixRules,
  passHashes = PASS_HASHES,
): AsyncGenerator<Decided<T>> {
  const repeated = rules.duplicates === 'drop' ? await findRepeated(surveys, documents, passHashes) : null;
  const decided = () => inOrder(surveys, rules, repeated);
  const longShare = rules.longShare ? await longShareRule(rules.longShare, decided()) : null;
  for await (const one of decided()) {
    const { surveyed, copies, dropped } = one;
    for (let i = 0; i < surveyed.length; i++)
      if (copies[i]! > 0 && longShare?.keeps(surveyed.source(i), surveyed.tokens[i]!, copies[i]!) === false) {
        copies[i] = 0;
        dropped[i] = DECISIONS.indexOf(LONG_SHARE);
      }
    yield one;
  }
}

/** Duplicates and budgets. */
async function* inOrder<T extends Surveyed>(
  surveys: () => AsyncIterable<T>,
  rules: MixRules,
  repeated: Uint8Array | null,
): AsyncGenerator<Decided<T>> {
  const used = new Map<string, number>();
  const closed = new Set<string>();
  let first = 0;
  for await (const surveyed of surveys()) {
    const copies = surveyed.copies.slice();
    const dropped = new Uint8Array(surveyed.length);
    const drop = (i: number, reason: 1 | 2) => {
      copies[i] = 0;
      dropped[i] = reason;
    };
    for (let i = 0; i < surveyed.length; i++) {
      if (copies[i] === 0) continue;
      if (repeated && hasBit(repeated, first + i)) {
        drop(i, 1);
        continue;
      }
      const source = surveyed.source(i);
      const { tokens: budget } = rulesFor(rules, source);
      if (budget === null) continue;
      const sum = (used.get(source) ?? 0) + surveyed.tokens[i]! * copies[i]!;
      if (sum > budget) closed.add(source);
      if (closed.has(source)) drop(i, 2);
      else used.set(source, sum);
    }
    first += surveyed.length;
    yield { surveyed, copies, dropped };
  }
}

/** A bit for each document that is there and has the text of an earlier one that is there. */
async function findRepeated(
  surveys: () => AsyncIterable<Surveyed>,
  documents: number,
  passHashes: number,
): Promise<Uint8Array> {
  const repeated = new Uint8Array(Math.ceil(documents / 8));
  const passes = Math.max(1, Math.ceil(documents / passHashes));
  for (let pass = 0; pass < passes; pass++) {
    const seen = new HashSet(Math.ceil(documents / passes));
    let first = 0;
    for await (const { length, hashes, copies } of surveys()) {
      for (let i = 0; i < length; i++) {
        if (copies[i] === 0 || Math.floor((hashes[i * 4]! / 2 ** 32) * passes) !== pass) continue;
        if (!seen.add(hashes, i)) repeated[(first + i) >> 3]! |= 1 << ((first + i) & 7);
      }
      first += length;
    }
  }
  return repeated;
}

const hasBit = (bits: Uint8Array, i: number): boolean => (bits[i >> 3]! & (1 << (i & 7))) !== 0;
