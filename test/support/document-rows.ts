import type { DocumentRow } from '../../src/core/document.ts';
import { HASH_BYTES } from '../../src/core/document-rows.ts';
import type { DocumentTable } from '../../src/core/document-table.ts';
import { SUBSETS } from '../../src/core/window.ts';

/** The rows of a document table as objects. */
export function documentRows(table: DocumentTable): DocumentRow[] {
  const made: DocumentRow[] = [];
  for (const rows of table.blocks())
    for (let i = 0; i < rows.length; i++) {
      const id = rows.ids.subarray(i === 0 ? 0 : rows.idEnds[i - 1]!, rows.idEnds[i]);
      made.push({
        input: rows.input[i]!,
        record: rows.record[i]!,
        start: rows.start[i]!,
        end: rows.end[i]!,
        id: rows.hasId[i] ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(id) : null,
        source: table.sourceOf(rows, i),
        subset: SUBSETS[rows.subset[i]!]!,
        bytes: rows.bytes[i]!,
        tokens: rows.tokens[i]!,
        parts: rows.parts[i]!,
        copies: rows.copies[i]!,
        dropped: table.reasonFor(rows, i),
        group: rows.group[i]!,
        hash: rows.hashes.slice(i * HASH_BYTES, (i + 1) * HASH_BYTES),
      });
    }
  return made;
}
