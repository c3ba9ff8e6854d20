import type { Flow } from '../core/batch.ts';
import type { TokenRun } from '../core/document.ts';
import { DocumentTable } from '../core/document-table.ts';
import { fingerprint } from '../core/fingerprint.ts';
import { Pieces } from '../core/pieces.ts';
import type { Stage } from '../core/stage.ts';
import type { Piece, Window } from '../core/window.ts';
import { cutDocument, type LongDocuments } from './cut.ts';
import { Packer, ROUND_TOKENS } from './packer.ts';
import { hashOf, subsetDraw } from './row.ts';

export interface PackOptions {
  readonly windowLength: number;
  readonly longDocuments: LongDocuments;
  /** Id put after each document (EOD), or null. */
  readonly separator: number | null;
  readonly pad: number;
  /** Share of documents held out, drawn by content. */
  readonly validation: number;
  readonly seed: number;
}

/** Why tokens of a document longer than the window go nowhere. */
const DROP_REASON: Record<LongDocuments, string> = { split: '', truncate: 'truncated', drop: 'longer-than-window' };

/** What packing a split leaves besides windows. */
export interface PackResult {
  readonly documents: DocumentTable;
  /** Pieces that no window took: `merge` packs those of all splits together. */
  readonly tail: Pieces;
  /** Tokens that went nowhere, by reason and source: an entry for each pair. */
  readonly dropped: { readonly source: string; readonly reason: string; tokens: number }[];
}

/**
 * token runs -> windows, best-fit decreasing over a round of the split: its tokens are held in memory. A part as long as
 * a window becomes one at once. In a round training windows come first, then validation windows.
 */
export function packStage(
  options: PackOptions,
  split: number,
  sources: readonly string[],
  roundTokens = ROUND_TOKENS,
): Stage<TokenRun, Window> & { readonly result: PackResult } {
  const { windowLength, pad, longDocuments } = options;
  const result = { documents: new DocumentTable(sources), tail: new Pieces(), dropped: [] as PackResult['dropped'] };
  const subsetOf = subsetDraw(options.validation, options.seed);
  return {
    name: 'pack',
    fingerprint: packFingerprint(options),
    result,
    async *run(input): Flow<Window> {
      const packer = new Packer(windowLength, pad, roundTokens);
      let cursor = { bytes: 0, records: 0 };
      for await (const batch of input) {
        cursor = batch.cursor;
        const full: Window[] = [];
        for (const run of batch.items) {
          const { origin, id, text } = run.document;
          const hash = hashOf(text);
          const subset = subsetOf(hash);
          const source = sources[origin.input] ?? '';
          const cut = cutDocument(run, windowLength, longDocuments, options.separator);
          const row = { ...origin, id, subset, bytes: text.length, tokens: run.ids.length, hash };
          const document = result.documents.add({ ...row, parts: cut.ranges.length });
          if (cut.dropped > 0) drop(result.dropped, source, DROP_REASON[longDocuments], cut.dropped);
          for (const [part, [start, end]] of cut.ranges.entries()) {
            const ids = cut.ids.subarray(start, end);
            const piece = { ids, subset, split, document, source, documentOffset: start, part, promptTokens: 0 };
            if (ids.length === windowLength && subset === 'train') full.push(packer.window(subset, [piece]));
            else packer.add(piece);
          }
        }
        if (full.length > 0) yield { items: full, cursor };
        if (packer.full) for (const window of packer.round()) yield { items: [window], cursor };
      }
      for (const window of packer.round()) yield { items: [window], cursor };
      result.tail = packer.left();
    },
  };
}

function drop(dropped: PackResult['dropped'], source: string, reason: string, tokens: number): void {
  const entry = dropped.find((one) => one.source === source && one.reason === reason);
  if (entry) entry.tokens += tokens;
  else dropped.push({ source, reason, tokens });
}

/** Everything about packing that changes bytes; one value for all splits. */
const packFingerprint = (options: PackOptions): string =>
  fingerprint({ stage: 'pack', method: 'best-fit', ...options });

/**
 * Packs the tails of all splits, as one more split, in rounds as well: tails are 1/16 of a corpus at the most, which may be
 * more than memory holds. In the end nothing is given up any more.
 */
export async function* packTails(
  tails: AsyncIterable<Iterable<Piece>> | Iterable<Iterable<Piece>>,
  windowLength: number,
  pad: number,
  roundTokens = ROUND_TOKENS,
): AsyncGenerator<Window> {
  const packer = new Packer(windowLength, pad, roundTokens);
  for await (const tail of tails)
    for (const piece of tail) {
      packer.add(piece);
      if (packer.full) yield* packer.round();
    }
  yield* packer.rest();
}
