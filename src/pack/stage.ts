import type { Batch, Flow } from '../core/batch.ts';
import type { DocumentRow, TokenRun } from '../core/document.ts';
import { fingerprint } from '../core/fingerprint.ts';
import type { Stage } from '../core/stage.ts';
import { type Piece, type Subset, SUBSETS, type Window } from '../core/window.ts';
import { assembleWindow } from './assemble.ts';
import { bestFitDecreasing } from './best-fit.ts';
import { cutDocument, type LongDocuments } from './cut.ts';
import { documentRow, subsetDraw } from './row.ts';
import { windowsForTail } from './tail.ts';

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
  readonly documents: DocumentRow[];
  /** Pieces that no window took: `merge` packs those of all splits together. */
  readonly tail: Piece[];
  /** Tokens that went nowhere, by reason and source. */
  readonly dropped: { readonly source: string; readonly reason: string; readonly tokens: number }[];
}

/**
 * Tokens that packing looks over at once, 64 MiB of ids: about twice an ordinary split, so that most are packed in one
 * round. A split can be larger (a compressed file is one split); then each round keeps what packs well.
 */
const ROUND_TOKENS = 16 * 1024 * 1024;

/**
 * token runs -> windows, best-fit decreasing over a round of the split: its tokens are held in memory. A part as long as
 * a window becomes one at once. In a round training windows come first, then validation windows.
 */
export function packStage(
  options: PackOptions,
  split: number,
  sources: readonly string[],
): Stage<TokenRun, Window> & { readonly result: PackResult } {
  const { windowLength, pad } = options;
  const result: PackResult = { documents: [], tail: [], dropped: [] };
  const subsetOf = subsetDraw(options.validation, options.seed);
  return {
    name: 'pack',
    fingerprint: packFingerprint(options),
    result,
    async *run(input): Flow<Window> {
      const open: Record<Subset, Piece[]> = { train: [], validation: [] };
      let held = 0;
      let index = 0;
      let cursor = { bytes: 0, records: 0 };
      const round = function* (): Generator<Batch<Window>> {
        const tokens = held;
        held = 0;
        for (const subset of SUBSETS) {
          const { windows, left } = packPieces(open[subset], windowLength, tokens);
          open[subset] = left;
          held += left.reduce((sum, { ids }) => sum + ids.length, 0);
          // One window at a time: assembled windows are what costs memory here.
          for (const pieces of windows)
            yield { items: [assembleWindow(index++, subset, pieces, windowLength, pad)], cursor };
        }
      };
      for await (const batch of input) {
        cursor = batch.cursor;
        const full: Window[] = [];
        for (const run of batch.items) {
          const row = documentRow(run, sources, subsetOf);
          const { subset, source } = row;
          const cut = cutDocument(run, windowLength, options.longDocuments, options.separator);
          const document = result.documents.push({ ...row, parts: cut.ranges.length }) - 1;
          if (cut.dropped > 0)
            result.dropped.push({ source, reason: DROP_REASON[options.longDocuments], tokens: cut.dropped });
          cut.ranges.forEach(([start, end], part) => {
            const ids = cut.ids.subarray(start, end);
            const piece = { ids, subset, split, document, source, documentOffset: start, part, promptTokens: 0 };
            if (ids.length === windowLength && subset === 'train')
              full.push(assembleWindow(index++, subset, [piece], windowLength, pad));
            else {
              held += ids.length;
              open[subset].push(piece);
            }
          });
        }
        if (full.length > 0) yield { items: full, cursor };
        if (held >= ROUND_TOKENS) yield* round();
      }
      yield* round();
      result.tail.push(...SUBSETS.flatMap((subset) => open[subset]));
    },
  };
}

/** Everything about packing that changes bytes; one value for all splits. */
const packFingerprint = (options: PackOptions): string =>
  fingerprint({ stage: 'pack', method: 'best-fit', ...options });

/** Packs the tails of all splits, as one more split: nothing is given up any more. */
export function* packTails(tails: readonly Piece[], windowLength: number, pad: number): Generator<Window> {
  let index = 0;
  for (const subset of SUBSETS) {
    const pieces = tails.filter((piece) => piece.subset === subset);
    for (const window of bestFitDecreasing(lengthsOf(pieces), windowLength))
      yield assembleWindow(
        index++,
        subset,
        window.map((i) => pieces[i]!),
        windowLength,
        pad,
      );
  }
}

function packPieces(pieces: readonly Piece[], windowLength: number, splitTokens: number) {
  const lengths = lengthsOf(pieces);
  const windows = bestFitDecreasing(lengths, windowLength);
  const fills = Int32Array.from(windows, (window) => window.reduce((sum, i) => sum + lengths[i]!, 0));
  const given = windowsForTail(fills, windowLength, splitTokens);
  const inTail = windows.filter((_, w) => given[w]).flat();
  return {
    windows: windows.filter((_, w) => !given[w]).map((window) => window.map((i) => pieces[i]!)),
    left: inTail.sort((a, b) => a - b).map((i) => pieces[i]!),
  };
}

const lengthsOf = (pieces: readonly Piece[]): Int32Array => Int32Array.from(pieces, ({ ids }) => ids.length);
