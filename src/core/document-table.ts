import { DocumentRows, type NewDocument } from './document-rows.ts';
import type { Overflow } from './stage.ts';

/** Rows that are held together, 5.5 MiB and their ids; also those of a record batch in the table's file. */
export const BLOCK_ROWS = 64 * 1024;

/**
 * The documents of a split: a split of short lines has 500,000, a whole compressed file millions. Only the last block of them
 * is in memory where there is other room; of ten million lines they were 40 MiB a worker.
 */
export class DocumentTable {
  /** Source names by input. */
  readonly sources: readonly string[];
  /** Why documents were dropped, as they turned up; the first says that nothing was. */
  readonly reasons: string[] = [''];
  readonly #overflow: Overflow | undefined;
  /** Where the full blocks are, and the bytes of their ids. */
  readonly #put: { readonly at: number; readonly idBytes: number }[] = [];
  readonly #full: DocumentRows[] = [];
  #open = new DocumentRows();
  length = 0;

  /** Without `overflow` all of it is held. */
  constructor(sources: readonly string[], overflow?: Overflow) {
    this.sources = sources;
    this.#overflow = overflow;
  }

  /** Returns the number of its row. */
  add(document: NewDocument): number {
    if (this.#open.length === BLOCK_ROWS) this.#close();
    this.#open.add(document, this.#reasonOf(document.dropped));
    return this.length++;
  }

  /** All rows, in blocks of BLOCK_ROWS and a last one that may be empty; each is good until the next one is asked for. */
  *blocks(): Generator<DocumentRows> {
    yield* this.#full;
    const back = new DocumentRows();
    for (const { at, idBytes } of this.#put) {
      back.reserve(BLOCK_ROWS, idBytes);
      back.length = BLOCK_ROWS;
      // First the ends of the ids, which say how long they are together.
      back.idEnds[BLOCK_ROWS - 1] = idBytes;
      let from = at;
      for (const column of back.columns()) {
        this.#overflow!.read(from, column);
        from += column.length;
      }
      yield back;
    }
    if (this.#open.length > 0 || this.length === 0) yield this.#open;
  }

  sourceOf(rows: DocumentRows, i: number): string {
    return this.sources[rows.input[i]!] ?? '';
  }

  reasonFor(rows: DocumentRows, i: number): string {
    return this.reasons[rows.dropped[i]!]!;
  }

  #close(): void {
    if (!this.#overflow) {
      this.#full.push(this.#open);
      this.#open = new DocumentRows();
      return;
    }
    const columns = this.#open.columns();
    const [at] = columns.map((column) => this.#overflow!.add(column));
    this.#put.push({ at: at!, idBytes: columns.at(-1)!.length });
    this.#open.length = 0;
  }

  /** Few, so that looking through them costs nothing. */
  #reasonOf(reason: string): number {
    const known = this.reasons.indexOf(reason);
    return known >= 0 ? known : this.reasons.push(reason) - 1;
  }
}
