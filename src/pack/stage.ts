import type { Flow } from '../core/batch.ts';
import { bytesOf, ONCE, type TokenRun } from '../core/document.ts';
import { DocumentTable } from '../core/document-table.ts';
import { subsetDraw } from '../core/draws.ts';
import { fingerprint } from '../core/fingerprint.ts';
import { roomFor } from '../core/growing.ts';
import { ownOf } from '../core/own.ts';
import { Pieces } from '../core/pieces.ts';
import type { Stage } from '../core/stage.ts';
import type { TokenEnds } from '../core/token-ends.ts';
import type { Piece, Subset, Window } from '../core/window.ts';
import type { CutRules, LongDocuments } from './cut.ts';
import { Cutter } from './cutter.ts';
import { lanes } from './lanes.ts';
import type { Method } from './method.ts';
import { Packer, type PackerOptions, ROUND_TOKENS } from './packer.ts';
import { softEnd } from './soft-end.ts';

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
  /** Sources with a boundary policy of their own: their separator, and a number (from 1) that is the policy's. */
  readonly sources: Readonly<Record<string, { readonly separator: number | null; readonly rank: number }>>;
}

/** What changes no byte, but for `tokenEnds`. */
interface PackHow {
  readonly roundTokens?: number;
  readonly tokenEnds?: TokenEnds;
  /** Whether all windows lie in the same memory: one is good until the next is asked for. */
  readonly again?: boolean;
}

/** What packing a split leaves besides windows. */
export interface PackResult {
  readonly documents: DocumentTable;
  /** Pieces that no window took: `merge` packs those of all splits together. */
  readonly tail: Pieces;
  /** Tokens that went nowhere, and documents of which nothing is packed, by source and reason: an entry for each pair. */
  readonly dropped: { readonly source: string; readonly reason: string; tokens: number; documents: number }[];
}

/** The rules by which documents are cut that `separator` follows, or null. */
export const cutRules = (options: Omit<PackOptions, 'separator' | 'sources'>, separator: number | null): CutRules => ({
  windowLength: options.windowLength,
  longDocuments: options.longDocuments,
  minSegment: options.minSegment,
  separator: separator !== null,
});

/**
 * token runs -> windows, packed over a round of the split: its tokens are held in memory. A part as long as a window
 * becomes one at once, unless the order is to be kept. In a round training windows come first, then validation windows.
 * With `tokenEnds`, what the text of each token says about cutting there, long documents are cut where their text lets them.
 */
export function packStage(
  options: PackOptions,
  split: number,
  sources: readonly string[],
  { roundTokens = ROUND_TOKENS, tokenEnds, again = false }: PackHow = {},
): Stage<TokenRun, Window> & { readonly result: PackResult } {
  const { windowLength, method } = options;
  const result = { documents: new DocumentTable(sources), tail: new Pieces(), dropped: [] as PackResult['dropped'] };
  const subsetOf = subsetDraw(options.validation, options.seed);
  const separatorOf = (source: string) => (ownOf(options.sources, source) ?? options).separator;
  const laneOf = lanes(options.sources);
  return {
    name: 'pack',
    fingerprint: packFingerprint(options),
    result,
    async *run(input, { overflow }): Flow<Window> {
      result.documents = new DocumentTable(sources, overflow);
      const packer = new Packer({ ...options, roundTokens, again });
      const cutters = new Map<number, Cutter>();
      /** Copies are cut alike: those of a document have one cutter. */
      const cutterOf = (subset: Subset, source: string): Cutter => {
        const lane = laneOf({ subset, source, copy: 0 });
        const cutter = cutters.get(lane) ?? new Cutter(cutRules(options, separatorOf(source)), method);
        cutters.set(lane, cutter);
        return cutter;
      };
      const open = (lane: number) => cutters.get(lane)?.open;
      const followed = follower();
      let cursor = { bytes: 0, records: 0 };
      for await (const batch of input) {
        cursor = batch.cursor;
        for (const { ids, document, verdict = ONCE, promptTokens = 0 } of batch.items) {
          const { origin, id, hash, group } = document;
          const subset = subsetOf(hash);
          const source = sources[origin.input] ?? '';
          const { kept, ends, reason } =
            verdict.copies === 0
              ? { kept: 0, ends: [], reason: verdict.dropped }
              : cutterOf(subset, source).cut(ids.length, tokenEnds && softEnd(ids, tokenEnds));
          const copies = ends.length === 0 ? 0 : verdict.copies;
          // Every member by its name: an object that begins as a copy of another took 5 us, half of a short document's time.
          const number = result.documents.add({
            input: origin.input,
            record: origin.record,
            start: origin.start,
            end: origin.end,
            id,
            subset,
            bytes: bytesOf(document),
            tokens: ids.length,
            hash,
            group,
            parts: ends.length,
            copies,
            dropped: reason ?? '',
          });
          if (reason !== null) {
            const lost = (ids.length - kept) * Math.max(1, copies);
            drop(result.dropped, source, reason, lost, copies === 0);
          }
          for (let copy = 0; copy < copies; copy++)
            for (const [part, end] of ends.entries()) {
              const documentOffset = ends[part - 1] ?? 0;
              const tokens = ids.subarray(documentOffset, Math.min(end, kept));
              const piece = {
                subset,
                split,
                document: number,
                source,
                key: group,
                ids: end > kept ? followed(tokens, separatorOf(source)!) : tokens,
                documentOffset,
                promptTokens: Math.max(0, Math.min(promptTokens - documentOffset, tokens.length)),
                part,
                copy,
              };
              if (piece.ids.length === windowLength && subset === 'train' && method !== 'concat')
                yield { items: [packer.window(subset, [piece])], cursor };
              else packer.add(piece);
              if (packer.full) for (const window of packer.round(open)) yield { items: [window], cursor };
            }
          ids.release?.();
        }
      }
      for (const window of packer.round(open)) yield { items: [window], cursor };
      result.tail = packer.left();
    },
  };
}

/** Ids and a separator after them, all in the same memory: they are copied before the next ones come. */
function follower(): (ids: Int32Array, separator: number) => Int32Array {
  let room = new Int32Array(1024);
  return (ids, separator) => {
    if (ids.length >= room.length) room = new Int32Array(roomFor(room.length, ids.length + 1));
    room.set(ids);
    room[ids.length] = separator;
    return room.subarray(0, ids.length + 1);
  };
}

function drop(dropped: PackResult['dropped'], source: string, reason: string, tokens: number, whole: boolean): void {
  let entry = dropped.find((one) => one.source === source && one.reason === reason);
  if (!entry) dropped.push((entry = { source, reason, tokens: 0, documents: 0 }));
  entry.tokens += tokens;
  if (whole) entry.documents++;
}

/** Everything about packing that changes bytes; one value for all splits. */
const packFingerprint = (options: PackOptions): string => fingerprint({ stage: 'pack', ...options });

/**
 * Packs the tails of all splits, as one more split, in rounds as well: tails are 1/8 of a corpus at the most, which may be
 * more than memory holds. In the end nothing is given up any more. Nothing is cut here, since the tables that say how many
 * parts a document has are written: what `concat` left is packed by best-fit.
 */
export async function* packTails(
  tails: AsyncIterable<Iterable<Piece>> | Iterable<Iterable<Piece>>,
  options: Omit<PackerOptions, 'roundTokens' | 'again'>,
  { roundTokens = ROUND_TOKENS, again = false }: Pick<PackHow, 'roundTokens' | 'again'> = {},
): AsyncGenerator<Window> {
  const packer = new Packer({ ...options, roundTokens, again });
  for await (const tail of tails)
    for (const piece of tail) {
      packer.add(piece);
      if (packer.full) yield* packer.round(() => undefined);
    }
  yield* packer.rest();
}
