import type { Refusal, Taken } from './part-read.ts';
import { decoded, isObject, notUtf8, type TakeRecord } from './record.ts';

class NotUtf8 extends Error {
  readonly bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    super('not UTF-8');
    this.bytes = bytes;
  }
}

/** What a row of a table gives, whose texts are bytes. */
export function takenRow(row: Readonly<Record<string, unknown>>, take: TakeRecord): Taken | Refusal {
  try {
    return take(plainOf(row), '');
  } catch (error) {
    if (error instanceof NotUtf8) return notUtf8(error.bytes);
    throw error;
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
