import type { Refusal, Taken } from './part-read.ts';
import { decoded, notJson, notUtf8, type TakeRecord } from './record.ts';

/** What the record in a line gives, or why it is no document, by JSON.parse: the judge of every line. */
export function recordOf(bytes: Uint8Array, take: TakeRecord): Taken | Refusal {
  const source = decoded(bytes);
  if (source === undefined) return notUtf8(bytes);
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch {
    return notJson(source);
  }
  return take(value, source);
}
