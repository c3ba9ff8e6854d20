import { SUBSETS } from '../core/window.ts';
import { isChosen } from '../mix/index.ts';
import type { Manifest, StoredDocuments, WindowRecord } from '../shard/index.ts';
import { count, emptyLedger, imbalance, ledgerProblems, type OpenLedger } from './ledger.ts';
import { allowedLoss, type LossRules, mayBeCut } from './loss.ts';

/** The documents of a split: what its table says of each, and what has been seen of it in windows. */
interface Expected {
  readonly tokens: Float64Array;
  readonly parts: Int32Array;
  readonly copies: Int32Array;
  /** Places in the reasons; 0: nothing was dropped. */
  readonly dropped: Int32Array;
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
 * last kept one, as often as its copies say, nothing is lacking but what the settings drop, and the sums are those of the
 * ledger, source by source. Holds 37 bytes a document, and three numbers for each part of the documents that were cut (a
 * window each, but for the last).
 */
export class Conservation {
  readonly #manifest: Pick<Manifest, 'ledger' | 'ledgerBySource'>;
  readonly #rules: LossRules;
  readonly #splits = new Map<number, Expected>();
  readonly #cut = new Map<number, Places>();
  readonly #sources = new Names();
  readonly #reasons = new Names('');
  /** Tokens in windows, by source. */
  readonly #packed: number[] = [];
  readonly #strays: string[] = [];

  constructor(manifest: Pick<Manifest, 'ledger' | 'ledgerBySource'>, rules: LossRules) {
    this.#manifest = manifest;
    this.#rules = rules;
  }

  documents(split: number, rows: StoredDocuments): void {
    const { length } = rows;
    this.#splits.set(split, {
      tokens: rows.tokens(),
      parts: rows.parts(),
      copies: rows.copies(),
      dropped: Int32Array.from({ length }, (_, i) => this.#reasons.of(rows.dropped(i))),
      source: Int32Array.from({ length }, (_, i) => this.#sources.of(rows.source(i))),
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
      const place = this.#sources.of(source);
      this.#packed[place] = (this.#packed[place] ?? 0) + length;
      const rows = this.#splits.get(split);
      const parts = rows?.parts[document];
      if (!rows || parts === undefined) {
        this.#stray(`window ${window}: holds document ${document} of split ${split}, which no table lists`);
        continue;
      }
      if (rows.subset[document] !== SUBSETS.indexOf(subset) || rows.source[document] !== place)
        this.#stray(`window ${window}: document ${document} of split ${split} is of another subset or source`);
      rows.seenParts[document]! += 1;
      rows.seenTokens[document]! += length;
      if (parts > 1) this.#cutOf(split, document).push(part, documentOffset, length);
      else if (part !== 0 || documentOffset !== 0) this.#stray(misplaced(split, document, part, documentOffset, 0, 0));
    }
  }

  *problems(): Generator<string> {
    yield* this.#strays;
    const held = new Map<string, OpenLedger>();
    const heldOf = (source: string): OpenLedger => {
      const ledger = held.get(source) ?? emptyLedger();
      held.set(source, ledger);
      return ledger;
    };
    for (const [split, rows] of this.#splits)
      for (let document = 0; document < rows.tokens.length; document++) {
        const [tokens, copies] = [rows.tokens[document]!, rows.copies[document]!];
        const source = this.#sources.names[rows.source[document]!]!;
        const reason = this.#reasons.names[rows.dropped[document]!]!;
        const ledger = heldOf(source);
        const inserted = copies * this.#rules.separatorOf(source);
        const lost = tokens * Math.max(1, copies) + inserted - rows.seenTokens[document]!;
        ledger.documents.read++;
        ledger.tokens.read += tokens;
        ledger.tokens.inserted += inserted;
        ledger.tokens.repeated += tokens * Math.max(0, copies - 1);
        if (lost > 0) count(ledger.tokens.dropped, reason, lost);
        if (copies > 0) ledger.documents.packed++;
        else count(ledger.documents.dropped, reason, 1);
        yield* this.#documentProblems(rows, split, document, source, reason, lost);
      }
    for (const [source, tokens] of this.#packed.entries())
      heldOf(this.#sources.names[source]!).tokens.packed += tokens ?? 0;
    for (const problem of imbalance(this.#manifest.ledger)) yield `ledger: ${problem}`;
    yield* ledgerProblems(this.#manifest.ledgerBySource, held);
  }

  *#documentProblems(
    rows: Expected,
    split: number,
    document: number,
    source: string,
    reason: string,
    lost: number,
  ): Generator<string> {
    const [tokens, parts, copies] = [rows.tokens[document]!, rows.parts[document]!, rows.copies[document]!];
    const seen = rows.seenParts[document]!;
    const name = `document ${document} of split ${split}`;
    const times = copies > 1 ? ` ${copies} times` : '';
    if (parts > 1) yield* this.#untiled(split, document, copies);
    if (seen !== parts * copies || copies > 0 !== parts > 0)
      yield `${name}: ${seen} parts in windows, ${parts}${times} in its table`;
    if (parts > 1 && !mayBeCut(tokens, source, this.#rules)) yield `${name}: fits a window, and is in ${parts} parts`;
    // What a rule of the mixture drops is dropped whole; the rest is for packing to say.
    const [least, most] = isChosen(reason) ? [tokens, tokens] : allowedLoss(tokens, source, this.#rules);
    const each = Math.max(1, copies);
    if (lost < least * each || lost > most * each || lost > 0 !== (reason !== '' && tokens > 0))
      yield `${name}: ${rows.seenTokens[document]} tokens in windows of its ${tokens}${times}`;
  }

  /** The parts of a document that was cut, where they do not follow each other. */
  *#untiled(split: number, document: number, copies: number): Generator<string> {
    const places = this.#cut.get(keyOf(split, document)) ?? [];
    const order = Array.from({ length: places.length / 3 }, (_, i) => i * 3);
    const compare = (a: number, b: number, k: number) => places[a + k]! - places[b + k]!;
    order.sort((a, b) => compare(a, b, 0) || compare(a, b, 1) || compare(a, b, 2));
    let end = 0;
    for (const [i, at] of order.entries()) {
      const [part, offset, length] = [places[at]!, places[at + 1]!, places[at + 2]!];
      const expected = Math.floor(i / copies);
      if (part !== expected || offset !== end) yield misplaced(split, document, part, offset, expected, end);
      const first = places[order[i - (i % copies)]! + 2]!;
      if (length !== first)
        yield `document ${document} of split ${split}: part ${part} with ${first} and with ${length} tokens`;
      // Behind the last copy of a part the next part begins.
      if ((i + 1) % copies === 0) end += length;
    }
  }

  #cutOf(split: number, document: number): Places {
    const key = keyOf(split, document);
    const places = this.#cut.get(key) ?? [];
    if (places.length === 0) this.#cut.set(key, places);
    return places;
  }

  #stray(problem: string): void {
    if (this.#strays.length < MAX_STRAYS) this.#strays.push(problem);
  }
}

/** Numbers for the few names there are. */
class Names {
  readonly names: string[] = [];
  readonly #places = new Map<string, number>();
  constructor(...first: string[]) {
    for (const name of first) this.of(name);
  }
  of(name: string): number {
    let place = this.#places.get(name);
    if (place === undefined) this.#places.set(name, (place = this.names.push(name) - 1));
    return place;
  }
}

/** Both are int32 in the files, so this is exact. */
const keyOf = (split: number, document: number): number => split * 2 ** 31 + document;
const misplaced = (split: number, document: number, part: number, offset: number, wanted: number, end: number) =>
  `document ${document} of split ${split}: part ${part} begins at token ${offset}, expected part ${wanted} at ${end}`;
