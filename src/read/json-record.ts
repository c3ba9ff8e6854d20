import type { Found } from './json-bytes.ts';
import type { Refusal } from './part-read.ts';
import { decoded, fieldsOf, notJson, notUtf8, type RecordFields } from './record.ts';

/** Text and id of the record in a line, or why it is no document, by JSON.parse: the judge of every line. */
export function recordOf(bytes: Uint8Array, fields: RecordFields): Found | Refusal {
  const source = decoded(bytes);
  if (source === undefined) return notUtf8(bytes);
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    return notJson(source);
  }
  return fieldsOf(value, fields, source);
}
