import { sha256Bytes } from '../io/hash.ts';
import { idOf, isObject, memberAt, type TakeRecord } from './record.ts';

const encoder = new TextEncoder();

/**
 * What a record belongs to, by the string or number in its field: the first 8 bytes of the SHA-256 of its UTF-8 as a
 * little-endian int64, so that a key takes 8 bytes however long it is (two of a million keys are the same once in 40 million
 * corpora). 0n without a value: such a document is alone.
 */
export function groupKey(value: unknown): bigint {
  const key = idOf(value);
  if (key === null || key === '') return 0n;
  const { buffer, byteOffset } = sha256Bytes(encoder.encode(key));
  return new DataView(buffer, byteOffset).getBigInt64(0, true) || 1n;
}

/** Takes records as `take` does, and what they belong to. */
export const takeGrouped =
  (take: TakeRecord, field: string): TakeRecord =>
  (value, source) => {
    const taken = take(value, source);
    return 'reason' in taken || !isObject(value) ? taken : { ...taken, group: groupKey(memberAt(value, field)) };
  };
