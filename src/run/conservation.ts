import type { DocumentRow } from '../core/document.ts';
import type { Segment } from '../core/window.ts';
import { type Policy, POLICIES } from '../mask/index.ts';
import type { Manifest, WindowRecord } from '../shard/index.ts';
import { imbalance } from './ledger.ts';

/**
 * The proof that no token was lost or doubled: every document's parts, wherever they lie, tile it from its first token to its
 * last, and the sums are those of the ledger. Holds three numbers a document and three a segment.
 */
export class Conservation {
  readonly #manifest: Manifest;
  readonly #tables = new Map<number, readonly DocumentRow[]>();
  readonly #parts = new Map<string, Pick<Segment, 'documentOffset' | 'length' | 'part'>[]>();
  #packed = 0;
  #strays: string[] = [];

  constructor(manifest: Manifest) {
    this.#manifest = manifest;
  }

  documents(split: number, rows: readonly DocumentRow[]): void {
    this.#tables.set(split, rows);
  }

  window({ segments, subset, window }: WindowRecord): void {
    for (const { split, document, documentOffset, length, part, source } of segments) {
      this.#packed += length;
      const row = this.#tables.get(split)?.[document];
      if (!row)
        this.#strays.push(`window ${window}: holds document ${document} of split ${split}, which no table lists`);
      else if (row.subset !== subset || row.source !== source)
        this.#strays.push(`window ${window}: document ${document} of split ${split} is of another subset or source`);
      const key = `${split}/${document}`;
      const parts = this.#parts.get(key) ?? [];
      parts.push({ documentOffset, length, part });
      this.#parts.set(key, parts);
    }
  }

  *problems(): Generator<string> {
    yield* this.#strays;
    const { ledger, policy, config } = this.#manifest;
    const separator = POLICIES[policy as Policy].separator ? 1 : 0;
    const long = (config as { packing: { long_documents: string } }).packing.long_documents;
    let [read, inserted, dropped, documents] = [0, 0, 0, 0];
    for (const [split, rows] of this.#tables)
      for (const [document, row] of rows.entries()) {
        const parts = (this.#parts.get(`${split}/${document}`) ?? []).toSorted((a, b) => a.part - b.part);
        read += row.tokens;
        documents++;
        if (parts.length > 0) inserted += separator;
        let end = 0;
        for (const [part, piece] of parts.entries()) {
          if (piece.part !== part || piece.documentOffset !== end)
            yield `document ${document} of split ${split}: part ${piece.part} begins at token ${piece.documentOffset}, expected part ${part} at ${end}`;
          end += piece.length;
        }
        if (parts.length !== row.parts)
          yield `document ${document} of split ${split}: ${parts.length} parts in windows, ${row.parts} in its table`;
        const lost = row.tokens + (parts.length > 0 ? separator : 0) - end;
        dropped += lost;
        if (lost < 0 || (lost > 0 && long === 'split'))
          yield `document ${document} of split ${split}: ${end} tokens in windows of its ${row.tokens}`;
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
}
