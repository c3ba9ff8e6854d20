import { ownOf } from '../core/own.ts';
import type { Ledger } from '../shard/index.ts';

type Counts = Record<string, number>;

/** A ledger being written. */
export interface OpenLedger {
  documents: { read: number; packed: number; dropped: Counts };
  tokens: { read: number; repeated: number; inserted: number; packed: number; dropped: Counts };
  bytes: number;
  rejected: Counts;
}

export const emptyLedger = (): OpenLedger => ({
  documents: { read: 0, packed: 0, dropped: {} },
  tokens: { read: 0, repeated: 0, inserted: 0, packed: 0, dropped: {} },
  bytes: 0,
  rejected: {},
});

export const count = (counts: Counts, reason: string, by: number): void => {
  counts[reason] = (counts[reason] ?? 0) + by;
};
export const total = (counts: Readonly<Counts>): number => Object.values(counts).reduce((sum, n) => sum + n, 0);

export function addLedgers(ledgers: Iterable<Ledger>): OpenLedger {
  const sum = emptyLedger();
  for (const ledger of ledgers) {
    for (const what of ['documents', 'tokens'] as const) {
      sum[what].read += ledger[what].read;
      sum[what].packed += ledger[what].packed;
      for (const [reason, n] of Object.entries(ledger[what].dropped)) count(sum[what].dropped, reason, n);
    }
    sum.tokens.repeated += ledger.tokens.repeated;
    sum.tokens.inserted += ledger.tokens.inserted;
    sum.bytes += ledger.bytes;
    for (const [reason, n] of Object.entries(ledger.rejected)) count(sum.rejected, reason, n);
  }
  return sum;
}

/** The sums of ledgers by source, in the order of their names. */
export function sumBySource(all: readonly Readonly<Record<string, Ledger>>[]): Record<string, Ledger> {
  const sources = [...new Set(all.flatMap((one) => Object.keys(one)))].sort();
  const of = (source: string) => addLedgers(all.flatMap((one) => ownOf(one, source) ?? []));
  return Object.fromEntries(sources.map((source) => [source, of(source)]));
}

/** What does not add up, in words; empty when all does. */
export function imbalance({ documents, tokens }: Ledger): string[] {
  const problems: string[] = [];
  const documentsOut = documents.packed + total(documents.dropped);
  if (documents.read !== documentsOut)
    problems.push(`${documents.read} documents read, but ${documentsOut} packed or dropped`);
  const tokensOut = tokens.packed + total(tokens.dropped);
  if (tokens.read + tokens.repeated + tokens.inserted !== tokensOut)
    problems.push(
      `${tokens.read} tokens read + ${tokens.repeated} repeated + ${tokens.inserted} inserted, but ${tokensOut} packed or dropped`,
    );
  return problems;
}

/** What ledgers say, by source, against what the files hold. */
export function* ledgerProblems(
  said: Readonly<Record<string, Ledger>>,
  held: ReadonlyMap<string, Ledger>,
): Generator<string> {
  for (const source of new Set([...Object.keys(said), ...held.keys()])) {
    const a = ownOf(said, source) ?? emptyLedger();
    const b = held.get(source) ?? emptyLedger();
    const differ = (what: string, wanted: number, there: number) =>
      wanted === there ? [] : [`ledger of ${source}: ${wanted} ${what}, the files hold ${there}`];
    for (const what of ['read', 'repeated', 'inserted', 'packed'] as const)
      yield* differ(`tokens ${what}`, a.tokens[what], b.tokens[what]);
    for (const what of ['read', 'packed'] as const)
      yield* differ(`documents ${what}`, a.documents[what], b.documents[what]);
    for (const what of ['tokens', 'documents'] as const)
      for (const reason of new Set([...Object.keys(a[what].dropped), ...Object.keys(b[what].dropped)]))
        yield* differ(
          `${what} dropped as ${reason}`,
          ownOf(a[what].dropped, reason) ?? 0,
          ownOf(b[what].dropped, reason) ?? 0,
        );
  }
}
