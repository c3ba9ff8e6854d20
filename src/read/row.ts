import type { Document } from '../core/document.ts';
import { isUtf8 } from '../io/bytes.ts';
import type { PartRead } from './part-read.ts';
import { decoded, emptyText, idOf, isObject, notUtf8, type TakeRecord, tooLarge } from './record.ts';

/** Bytes of text that are copied out of a table before they are passed on. */
const AT_A_TIME = 1024 * 1024;

/** What makes the document of a row, if it is one. */
export type DocumentOf = (row: number) => Document | null;

/** Texts are copies, and of a dictionary's many times its size: no more of them are made than are wanted next. */
export function* someAtATime(rows: number, documentOf: DocumentOf): Generator<Document[]> {
  let documents: Document[] = [];
  let bytes = 0;
  for (let row = 0; row < rows; row++) {
    const document = documentOf(row);
    if (document === null) continue;
    documents.push(document);
    bytes += document.text.length;
    if (bytes < AT_A_TIME && documents.length < 256) continue;
    yield documents;
    documents = [];
    bytes = 0;
  }
  yield documents;
}

/** The document of a table's row, whose text is bytes; null where it is set aside. */
export function textRow(read: PartRead, at: number, text: unknown, id: unknown): Document | null {
  const { textField, documentBytes } = read.options;
  if (!(text instanceof Uint8Array)) read.reject(at, { reason: 'field-not-text', detail: `\`${textField}\` is null` });
  else if (text.length === 0) read.reject(at, emptyText(textField));
  else if (text.length > documentBytes) read.reject(at, tooLarge(text.length, documentBytes));
  else if (!isUtf8(text)) read.reject(at, notUtf8(text));
  else {
    const taken = { id: idOf(id instanceof Uint8Array ? decoded(id) : id), text: new Uint8Array(text) };
    // A copy: the value is a view of its page, which it would keep in memory.
    return read.accept(at, at + 1, taken);
  }
  return null;
}

/** The same of a record that is more than a text: the row is made the object it would be in JSON. */
export function takenRow(
  read: PartRead,
  at: number,
  row: Readonly<Record<string, unknown>>,
  take: TakeRecord,
): Document | null {
  let refusal;
  try {
    const taken = take(plainOf(row), '');
    const { documentBytes } = read.options;
    if ('reason' in taken) refusal = taken;
    else if (taken.text.length > documentBytes) refusal = tooLarge(taken.text.length, documentBytes);
    else return read.accept(at, at + 1, taken);
  } catch (error) {
    if (!(error instanceof NotUtf8)) throw error;
    refusal = notUtf8(error.bytes);
  }
  read.reject(at, refusal);
  return null;
}

class NotUtf8 extends Error {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    super('not UTF-8');
    this.bytes = bytes;
  }
}

/** A value as JSON would have it. */
function plainOf(value: unknown): unknown {
  if (value instanceof Uint8Array) {
    const text = decoded(value);
    if (text === undefined) throw new NotUtf8(value);
    return text;
  }
  if (Array.isArray(value)) return value.map(plainOf);
  if (!isObject(value) || ArrayBuffer.isView(value) || value instanceof Date) return value;
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, plainOf(member)]));
}
