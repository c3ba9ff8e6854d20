import type { Flow } from '../core/batch.ts';
import type { TokenRun } from '../core/document.ts';
import { DocumentTable } from '../core/document-table.ts';
import { fingerprint } from '../core/fingerprint.ts';
import { Pieces } from '../core/pieces.ts';
import type { Stage } from '../core/stage.ts';
import type { Piece, Subset, Window } from '../core/window.ts';
import { type CutRules, type DropReason, type LongDocuments } from './cut.ts';
import { Cutter } from './cutter.ts';
import type { Method } from './method.ts';
import { Packer, type PackerOptions, ROUND_TOKENS } from './packer.ts';
import { hashOf, subsetDraw } from './row.ts';

export interface PackOptions {
  readonly windowLength: number;
  readonly method: Method;
  readonly longDocuments: LongDocuments;
  /** Least tokens in a segment; shorter ones go nowhere. */
  readonly minSegment: number;
  /** Id put after each document (EOD), or null. */
  readonly separator: number | null;
  readonly pad: number;
  /** Share of documents held out, drawn by content. */
  readonly validation: number;
  readonly seed: number;
}

/** What packing a split leaves besides windows. */
export interface PackResult {
  readonly documents: DocumentTable;
  /** Pieces that no window took: `merge` packs those of all splits together. */
  readonly tail: Pieces;
  /** Tokens that went nowhere, and documents of which nothing is packed, by source and reason: an entry for each pair. */
  readonly dropped: { readonly source: string; readonly reason: DropReason; tokens: number; documents: number }[];
}

/** The rules by which documents are cut. */
export const cutRules = ({ separator, ...options }: PackOptions): CutRules => ({
  windowLength: options.windowLength,
  longDocuments: options.longDocuments,
  minSegment: options.minSegment,
  separator: separator !== null,
});

/**
 * token runs -> windows, packed over a round of the split: its tokens are held in memory. A part as long as a window
 * becomes one at once, unless the order is to be kept. In a round training windows come first, then validation windows.
 */
export function packStage(
  options: PackOptions,
  split: number,
  sources: readonly string[],
  roundTokens = ROUND_TOKENS,
): Stage<TokenRun, Window> & { readonly result: PackResult } {
  const { windowLength, method } = options;
  const result = { documents: new DocumentTable(sources), tail: new Pieces(), dropped: [] as PackResult['dropped'] };
  const subsetOf = subsetDraw(options.validation, options.seed);
  const rules = cutRules(options);
  return {
    name: 'pack',
    fingerprint: packFingerprint(options),
    result,
    async *run(input): Flow<Window> {
      const packer = new Packer({ ...options, roundTokens });
      const cutters = { train: new Cutter(rules, method), validation: new Cutter(rules, method) };
      const open = (subset: Subset) => cutters[subset].open;
      let cursor = { bytes: 0, records: 0 };
      for await (const batch of input) {
        cursor = batch.cursor;
        for (const { ids, document } of batch.items) {
          const { origin, id, text } = document;
          const hash = hashOf(text);
          const subset = subsetOf(hash);
          const source = sources[origin.input] ?? '';
          const { kept, ends, reason } = cutters[subset].cut(ids.length);
          const row = { ...origin, id, subset, bytes: text.length, tokens: ids.length, hash, parts: ends.length };
          const place = { subset, split, document: result.documents.add(row), source, promptTokens: 0 };
          if (reason !== null) drop(result.dropped, source, reason, ids.length - kept, ends.length === 0);
          for (const [part, end] of ends.entries()) {
            const documentOffset = ends[part - 1] ?? 0;
            const tokens = ids.subarray(documentOffset, Math.min(end, kept));
            const piece = {
              ...place,
              ids: end > kept ? followed(tokens, options.separator!) : tokens,
              documentOffset,
              part,
            };
            if (piece.ids.length === windowLength && subset === 'train' && method !== 'concat')
              yield { items: [packer.window(subset, [piece])], cursor };
            else packer.add(piece);
            if (packer.full) for (const window of packer.round(open)) yield { items: [window], cursor };
          }
        }
      }
      for (const window of packer.round(open)) yield { items: [window], cursor };
      result.tail = packer.left();
    },
  };
}

function followed(ids: Int32Array, separator: number): Int32Array {
  const longer = new Int32Array(ids.length + 1);
  longer.set(ids);
  longer[ids.length] = separator;
  return longer;
}

function drop(
  dropped: PackResult['dropped'],
  source: string,
  reason: DropReason,
  tokens: number,
  whole: boolean,
): void {
  let entry = dropped.find((one) => one.source === source && one.reason === reason);
  if (!entry) dropped.push((entry = { source, reason, tokens: 0, documents: 0 }));
  entry.tokens += tokens;
  if (whole) entry.documents++;
}

/** Everything about packing that changes bytes; one value for all splits. */
const packFingerprint = (options: PackOptions): string => fingerprint({ stage: 'pack', ...options });

/**
 * Packs the tails of all splits, as one more split, in rounds as well: tails are 1/16 of a corpus at the most, which may be
 * more than memory holds. In the end nothing is given up any more. Nothing is cut here, since the tables that say how many
 * parts a document has are written: what `concat` left is packed by best-fit.
 */
export async function* packTails(
  tails: AsyncIterable<Iterable<Piece>> | Iterable<Iterable<Piece>>,
  options: Pick<PackerOptions, 'windowLength' | 'pad' | 'method'>,
  roundTokens = ROUND_TOKENS,
): AsyncGenerator<Window> {
  const method = options.method === 'concat' ? 'best-fit' : options.method;
  const packer = new Packer({ ...options, method, roundTokens });
  for await (const tail of tails)
    for (const piece of tail) {
      packer.add(piece);
      if (packer.full) yield* packer.round(() => false);
    }
  yield* packer.rest();
}
