import { SUBSETS } from '../core/window.ts';
import { isChosen } from '../mix/index.ts';
import type { Ledger, Manifest, StoredDocuments, WindowRecord } from '../shard/index.ts';
import { addLedgers, count, emptyLedger, imbalance, ledgerProblems, type OpenLedger } from './ledger.ts';
import { addUpTo } from './problems.ts';
import { allowedLoss, type LossRules, mayBeCut } from './loss.ts';

/** The documents of a split: what its table says of each, and what has been seen of it in windows. */
interface Expected {
  /** Numbers of the documents, where these are not all of the split; then the columns are of these. */
  readonly numbers: Int32Array | null;
  readonly tokens: Float64Array;
  readonly parts: Int32Array;
  readonly copies: Int32Array;
  /** Places in the reasons; 0: nothing was dropped. */
  readonly dropped: Int32Array;
  readonly source: Int32Array;
  readonly subset: Uint8Array;
  /** Keys of attention groups; 0n: alone. */
  readonly group: BigInt64Array;
  readonly seenParts: Int32Array;
  readonly seenTokens: Float64Array;
}

/** [part, document offset, length], one after the other, in the order of the windows. */
type Places = number[];

/** What a part of a corpus leaves to be looked at with the rest: plain data, which passes between threads. */
export interface Partial {
  readonly problems: readonly string[];
  /** By source: what the documents that are whole hold, and the tokens in all windows that were seen. */
  readonly held: Readonly<Record<string, Ledger>>;
  /** Documents whose other parts must lie in windows that were not seen. */
  readonly left: readonly {
    readonly split: number;
    readonly rows: Expected;
    readonly cut: ReadonlyMap<number, Places>;
  }[];
  /** What the numbers of sources and reasons in `left` mean. */
  readonly sources: readonly string[];
  readonly reasons: readonly string[];
}

/**
 * The proof that no token was lost or doubled: every document's parts, wherever they lie, tile it from its first token to its
 * last kept one, as often as its copies say, nothing is lacking but what the settings drop, and the sums are those of the
 * ledger, source by source. Holds 45 bytes a document, and three numbers for each part of the documents that were cut (a
 * window each, but for the last).
 */
export class Conservation {
  readonly #manifest: Pick<Manifest, 'ledger' | 'ledgerBySource'>;
  readonly #held = new Map<string, OpenLedger>();
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
      numbers: null,
      tokens: rows.tokens(),
      parts: rows.parts(),
      copies: rows.copies(),
      dropped: Int32Array.from({ length }, (_, i) => this.#reasons.of(rows.dropped(i))),
      source: Int32Array.from({ length }, (_, i) => this.#sources.of(rows.source(i))),
      subset: Uint8Array.from({ length }, (_, i) => SUBSETS.indexOf(rows.subset(i))),
      group: rows.groups(),
      seenParts: new Int32Array(length),
      seenTokens: new Float64Array(length),
    });
  }

  /** Parts of a document; undefined where no table lists it. */
  partsOf(split: number, document: number): number | undefined {
    const rows = this.#splits.get(split);
    return rows?.parts[placeOf(rows, document)];
  }

  window(record: WindowRecord): void {
    const { segments, subset, window } = record;
    for (const problem of this.#groupProblems(record)) this.#stray(`window ${window}: ${problem}`);
    for (const { split, document, documentOffset, length, part, source } of segments) {
      const place = this.#sources.of(source);
      this.#packed[place] = (this.#packed[place] ?? 0) + length;
      const rows = this.#splits.get(split);
      const i = rows ? placeOf(rows, document) : -1;
      const parts = rows?.parts[i];
      if (!rows || parts === undefined) {
        this.#stray(`window ${window}: holds document ${document} of split ${split}, which no table lists`);
        continue;
      }
      if (rows.subset[i] !== SUBSETS.indexOf(subset) || rows.source[i] !== place)
        this.#stray(`window ${window}: document ${document} of split ${split} is of another subset or source`);
      rows.seenParts[i]! += 1;
      rows.seenTokens[i]! += length;
      if (parts > 1) this.#cutOf(split, document).push(part, documentOffset, length);
      else if (part !== 0 || documentOffset !== 0) this.#stray(misplaced(split, document, part, documentOffset, 0, 0));
    }
  }

  /** Segments are of one group where they are neighbours and their documents have one key; `concat` alone parts those of one key. */
  *#groupProblems({ segments }: WindowRecord): Generator<string> {
    const groups = new Map<bigint, number>();
    for (const [i, { split, document, group }] of segments.entries()) {
      const rows = this.#splits.get(split);
      const key = rows?.group[placeOf(rows, document)] ?? 0n;
      const before = i === 0 ? -1 : segments[i - 1]!.group;
      const known = key === 0n ? undefined : groups.get(key);
      const expected =
        known !== undefined && (known === before || this.#rules.method !== 'concat') ? known : before + 1;
      if (group !== expected) {
        yield `segment ${i} is of group ${group}, by its document of ${expected}`;
        return;
      }
      groups.set(key, group);
    }
  }

  /** All that is wrong, when all windows have been seen. */
  *problems(): Generator<string> {
    yield* this.#strays;
    for (const [split, rows] of this.#splits) for (const i of rows.tokens.keys()) yield* this.#judge(rows, split, i);
    this.#countPacked();
    for (const problem of imbalance(this.#manifest.ledger)) yield `ledger: ${problem}`;
    yield* ledgerProblems(this.#manifest.ledgerBySource, this.#held);
  }

  /** What is known when a part of the windows has been seen: documents that are whole are judged, the others left over. */
  partial(): Partial {
    const problems = [...this.#strays];
    const left: Partial['left'][number][] = [];
    for (const [split, rows] of this.#splits) {
      const open = [...rows.tokens.keys()].filter((i) => rows.seenParts[i]! < rows.parts[i]! * rows.copies[i]!);
      const isOpen = new Set(open);
      for (const i of rows.tokens.keys())
        if (!isOpen.has(i)) for (const problem of this.#judge(rows, split, i)) addUpTo(problems, problem);
      const cut = new Map<number, Places>();
      for (const i of open) {
        const places = this.#cut.get(keyOf(split, i));
        if (places) cut.set(i, places);
      }
      left.push({ split, rows: someOf(rows, open), cut });
    }
    this.#countPacked();
    return {
      problems,
      held: Object.fromEntries(this.#held),
      left,
      sources: this.#sources.names,
      reasons: this.#reasons.names,
    };
  }

  /** Takes over what a part of the corpus left; its documents are of splits that were not seen here. */
  adopt({ problems, held, left, sources, reasons }: Partial): void {
    for (const problem of problems) this.#stray(problem);
    for (const [source, ledger] of Object.entries(held))
      this.#held.set(source, addLedgers([this.#heldOf(source), ledger]));
    for (const { split, rows, cut } of left) {
      const source = rows.source.map((place) => this.#sources.of(sources[place]!));
      const dropped = rows.dropped.map((place) => this.#reasons.of(reasons[place]!));
      this.#splits.set(split, { ...rows, source, dropped });
      for (const [document, places] of cut) this.#cut.set(keyOf(split, document), places);
    }
  }

  #heldOf(source: string): OpenLedger {
    const ledger = this.#held.get(source) ?? emptyLedger();
    this.#held.set(source, ledger);
    return ledger;
  }

  #countPacked(): void {
    for (const [place, tokens] of this.#packed.entries())
      this.#heldOf(this.#sources.names[place]!).tokens.packed += tokens ?? 0;
  }

  /** Adds document `i` of the rows to what is held, and says what is wrong with it. */
  *#judge(rows: Expected, split: number, i: number): Generator<string> {
    const [tokens, copies] = [rows.tokens[i]!, rows.copies[i]!];
    const source = this.#sources.names[rows.source[i]!]!;
    const reason = this.#reasons.names[rows.dropped[i]!]!;
    const ledger = this.#heldOf(source);
    const inserted = copies * this.#rules.separatorOf(source);
    const lost = tokens * Math.max(1, copies) + inserted - rows.seenTokens[i]!;
    ledger.documents.read++;
    ledger.tokens.read += tokens;
    ledger.tokens.inserted += inserted;
    ledger.tokens.repeated += tokens * Math.max(0, copies - 1);
    if (lost > 0) count(ledger.tokens.dropped, reason, lost);
    if (copies > 0) ledger.documents.packed++;
    else count(ledger.documents.dropped, reason, 1);
    yield* this.#documentProblems(rows, split, i, source, reason, lost);
  }

  *#documentProblems(
    rows: Expected,
    split: number,
    i: number,
    source: string,
    reason: string,
    lost: number,
  ): Generator<string> {
    const document = rows.numbers?.[i] ?? i;
    const [tokens, parts, copies] = [rows.tokens[i]!, rows.parts[i]!, rows.copies[i]!];
    const seen = rows.seenParts[i]!;
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
      yield `${name}: ${rows.seenTokens[i]} tokens in windows of its ${tokens}${times}`;
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
    addUpTo(this.#strays, problem);
  }
}

/** Where a document is in the columns: -1 where it is not. */
function placeOf({ numbers }: Expected, document: number): number {
  if (!numbers) return document;
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (numbers[middle]! < document) low = middle + 1;
    else high = middle;
  }
  return numbers[low] === document ? low : -1;
}

/** The rows `places` of all rows of a split. */
function someOf(rows: Expected, places: readonly number[]): Expected {
  const int32 = (column: Int32Array) => Int32Array.from(places, (i) => column[i]!);
  return {
    numbers: Int32Array.from(places),
    tokens: Float64Array.from(places, (i) => rows.tokens[i]!),
    parts: int32(rows.parts),
    copies: int32(rows.copies),
    dropped: int32(rows.dropped),
    source: int32(rows.source),
    subset: Uint8Array.from(places, (i) => rows.subset[i]!),
    group: BigInt64Array.from(places, (i) => rows.group[i]!),
    seenParts: int32(rows.seenParts),
    seenTokens: Float64Array.from(places, (i) => rows.seenTokens[i]!),
  };
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
