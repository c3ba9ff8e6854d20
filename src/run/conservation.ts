import { type Subset, SUBSETS } from '../core/window.ts';
import type { Manifest, StoredDocuments, WindowRecord } from '../shard/index.ts';
import { imbalance } from './ledger.ts';
import { allowedLoss, type LossRules, mayBeCut } from './loss.ts';

/** The documents of a split: what its table says of each, and what has been seen of it in windows. */
interface Expected {
  readonly tokens: Float64Array;
  readonly parts: Int32Array;
  readonly source: Int32Array;
  readonly subset: Uint8Array;
  readonly seenParts: Int32Array;
  readonly seenTokens: Float64Array;
}

/** [part, document offset, length], one after the other, in the order of the windows. */
type Places = number[];

/** One damaged shard can make a stray of every segment in it. */
const MAX_STRAYS = 100;

/**
 * The proof that no token was lost or doubled: every document's parts, wherever they lie, tile it from its first token to its
 * last kept one, nothing is lacking but what the settings drop, and the sums are those of the ledger. Holds 29 bytes a document, and three numbers for each part of the documents
 * that were cut (a window each, but for the last).
 */
export class Conservation {
  readonly #manifest: Pick<Manifest, 'ledger'>;
  readonly #rules: LossRules;
  readonly #splits = new Map<number, Expected>();
  readonly #cut = new Map<number, Places>();
  readonly #sources = new Map<string, number>();
  #packed = 0;
  readonly #strays: string[] = [];

  constructor(manifest: Pick<Manifest, 'ledger'>, rules: LossRules) {
    this.#manifest = manifest;
    this.#rules = rules;
  }

  documents(split: number, rows: StoredDocuments): void {
    const { length } = rows;
    this.#splits.set(split, {
      tokens: rows.tokens(),
      parts: rows.parts(),
      source: Int32Array.from({ length }, (_, i) => this.#sourceOf(rows.source(i))),
      subset: Uint8Array.from({ length }, (_, i) => SUBSETS.indexOf(rows.subset(i))),
      seenParts: new Int32Array(length),
      seenTokens: new Float64Array(length),
    });
  }

  /** Parts of a document; undefined where no table lists it. */
  partsOf(split: number, document: number): number | undefined {
    return this.#splits.get(split)?.parts[document];
  }

  window({ segments, subset, window }: WindowRecord): void {
    for (const { split, document, documentOffset, length, part, source } of segments) {
      this.#packed += length;
      const rows = this.#splits.get(split);
      const parts = rows?.parts[document];
      if (!rows || parts === undefined) {
        this.#stray(`window ${window}: holds document ${document} of split ${split}, which no table lists`);
        continue;
      }
      if (rows.subset[document] !== place(subset) || rows.source[document] !== this.#sourceOf(source))
        this.#stray(`window ${window}: document ${document} of split ${split} is of another subset or source`);
      rows.seenParts[document]! += 1;
      rows.seenTokens[document]! += length;
      if (parts > 1) this.#cutOf(split, document).push(part, documentOffset, length);
      else if (part !== 0 || documentOffset !== 0) this.#stray(misplaced(split, document, part, documentOffset, 0, 0));
    }
  }

  *problems(): Generator<string> {
    yield* this.#strays;
    const { ledger } = this.#manifest;
    const { separator } = this.#rules;
    let [read, inserted, dropped, documents] = [0, 0, 0, 0];
    for (const [split, { tokens, parts, seenParts, seenTokens }] of this.#splits)
      for (let document = 0; document < tokens.length; document++) {
        const [seen, packed] = [seenParts[document]!, seenTokens[document]!];
        read += tokens[document]!;
        documents++;
        if (seen > 0) inserted += separator;
        if (parts[document]! > 1) yield* this.#untiled(split, document);
        if (seen !== parts[document])
          yield `document ${document} of split ${split}: ${seen} parts in windows, ${parts[document]} in its table`;
        const lost = tokens[document]! + (seen > 0 ? separator : 0) - packed;
        dropped += lost;
        const [least, most] = allowedLoss(tokens[document]!, this.#rules);
        if (parts[document]! > 1 && !mayBeCut(tokens[document]!, this.#rules))
          yield `document ${document} of split ${split}: fits a window, and is in ${parts[document]} parts`;
        if (lost < least || lost > most)
          yield `document ${document} of split ${split}: ${packed} tokens in windows of its ${tokens[document]}`;
      }
    for (const problem of imbalance(ledger)) yield `ledger: ${problem}`;
    const counted = { read, inserted, packed: this.#packed };
    for (const what of ['read', 'inserted', 'packed'] as const)
      if (counted[what] !== ledger.tokens[what])
        yield `ledger: ${ledger.tokens[what]} tokens ${what}, the files hold ${counted[what]}`;
    const droppedByLedger = Object.values(ledger.tokens.dropped).reduce((sum, n) => sum + n, 0);
    if (dropped !== droppedByLedger) yield `ledger: ${droppedByLedger} tokens dropped, the files lack ${dropped}`;
    if (documents !== ledger.documents.read)
      yield `ledger: ${ledger.documents.read} documents read, the tables hold ${documents}`;
  }

  /** The parts of a document that was cut, where they do not follow each other. */
  *#untiled(split: number, document: number): Generator<string> {
    const places = this.#cut.get(keyOf(split, document)) ?? [];
    const order = Array.from({ length: places.length / 3 }, (_, i) => i * 3);
    order.sort((a, b) => places[a]! - places[b]!);
    let end = 0;
    for (const [expected, at] of order.entries()) {
      const [part, offset, length] = [places[at]!, places[at + 1]!, places[at + 2]!];
      if (part !== expected || offset !== end) yield misplaced(split, document, part, offset, expected, end);
      end += length;
    }
  }

  #cutOf(split: number, document: number): Places {
    const key = keyOf(split, document);
    const places = this.#cut.get(key) ?? [];
    if (places.length === 0) this.#cut.set(key, places);
    return places;
  }

  #sourceOf(source: string): number {
    let place = this.#sources.get(source);
    if (place === undefined) this.#sources.set(source, (place = this.#sources.size));
    return place;
  }

  #stray(problem: string): void {
    if (this.#strays.length < MAX_STRAYS) this.#strays.push(problem);
  }
}

const place = (subset: Subset): number => SUBSETS.indexOf(subset);
/** Both are int32 in the files, so this is exact. */
const keyOf = (split: number, document: number): number => split * 2 ** 31 + document;
const misplaced = (split: number, document: number, part: number, offset: number, wanted: number, end: number) =>
  `document ${document} of split ${split}: part ${part} begins at token ${offset}, expected part ${wanted} at ${end}`;
