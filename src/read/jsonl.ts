import type { Document } from '../core/document.ts';
import { lines, type Span } from '../io/lines.ts';
import { contentOf } from './disk.ts';
import { RecordScanner } from './json-bytes.ts';
import { recordOf } from './json-record.ts';
import { type LongRecord, longTexts } from './long-record.ts';
import type { PartRead, Refusal } from './part-read.ts';
import { isBlank, type TakeRecord, tooLarge } from './record.ts';
import { takerOf } from './take.ts';

/**
 * JSON Lines: a record a line. Lines of white space only are no records: they are passed over and not counted.
 * A line that is no document is set aside, and the next one is read.
 * Documents are taken from the bytes; any other line, and what is not judged there, is for JSON.parse to say. A long line is
 * never whole in memory (long-record.ts).
 *
 * MB per CPU second on the test corpora, en / zh / code, best of 7 on a loaded machine: 551 / 624 / 468 from the file to
 * documents, SHA-256 included (244 / 156 / 310 with JSON.parse alone); of that the scanner 1516 / 1709 / 967 (406 / 188 / 489).
 * Lines of 150 bytes: 106 (77); there it is memory for each text that costs, 180 ns of them above 64 bytes.
 */
export async function* readJsonl(read: PartRead): AsyncGenerator<Document[]> {
  const { textField, idField, groupField, documentBytes, form } = read.options;
  // What is more than a text is taken from the values of JSON.parse.
  const scanner = form || groupField !== null ? null : new RecordScanner({ text: textField, id: idField }, read.texts);
  const take = takerOf(read.options);
  const long = longTexts(read);
  try {
    for await (const spans of lines(contentOf(read, true), read.part.start, documentBytes, long)) {
      const documents: Document[] = [];
      for (const span of spans) {
        read.lines++;
        const document = documentOf(read, span, scanner, take);
        if (document !== null) documents.push(document);
      }
      yield documents;
      long?.reuse();
    }
  } finally {
    long?.release();
  }
}

function documentOf(
  read: PartRead,
  { start, end, bytes, long }: Span<LongRecord>,
  scanner: RecordScanner | null,
  take: TakeRecord,
): Document | null {
  const set = (refusal: Refusal): null => {
    read.reject(start, refusal);
    return null;
  };
  if (long !== null) {
    const { found } = long;
    return found === null ? null : 'reason' in found ? set(found) : read.acceptAny(start, end, found);
  }
  if (bytes === null) return set(tooLarge(end - start, read.options.documentBytes));
  const found = scanner?.scan(bytes) ?? null;
  if (found !== null) return read.accept(start, end, found);
  if (isBlank(bytes)) return null;
  const record = recordOf(bytes, take);
  return 'reason' in record ? set(record) : read.accept(start, end, record);
}
