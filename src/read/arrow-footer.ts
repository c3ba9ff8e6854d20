import { checkMessage } from './arrow-metadata.ts';

/** Bytes before the footer in the message that is made of it. */
const HEAD = 40;
/** Offset, bytes of the metadata, bytes of the body. */
const BLOCK = 24;
const SCHEMA = 1; // MessageHeader.Schema

/**
 * The schema of a file's footer as a stream has it: a message whose header points to the schema inside the footer, which
 * follows it whole. (The library would read a footer's schema together with its dictionaries only.)
 */
export function schemaIn(footer: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(Math.ceil((HEAD + footer.length) / 8) * 8);
  bytes.set(footer, HEAD);
  const view = new DataView(bytes.buffer);
  // The footer's table, and in its list of fields where its version (the first) and schema (the second) are.
  const table = HEAD + view.getUint32(HEAD, true);
  const fields = table - view.getInt32(table, true);
  const [version, schema] = [view.getUint16(fields + 4, true), view.getUint16(fields + 6, true)];
  if (schema === 0) throw new Error('a footer without a schema');
  view.setInt32(0, -1, true); // a message follows
  view.setInt32(4, bytes.length - 8, true); // of so many bytes
  view.setUint32(8, 16, true); // its table is 16 bytes on
  const places = [12, 12, 8, 10, 4, 0]; // bytes of this list and of the table; version, type and header in it, no body
  places.forEach((place, i) => view.setUint16(12 + 2 * i, place, true));
  view.setInt32(24, 12, true); // the list is 12 bytes back
  view.setUint32(28, table + schema + view.getUint32(table + schema, true) - 28, true);
  view.setInt16(32, version === 0 ? 0 : view.getInt16(table + version, true), true);
  view.setUint8(34, SCHEMA);
  checkMessage(bytes.subarray(8), 0);
  return bytes;
}

/** Offsets of the record batches that a footer lists. */
export function batchesIn(footer: Uint8Array): number[] {
  const view = new DataView(footer.buffer, footer.byteOffset, footer.length);
  const table = view.getUint32(0, true);
  const fields = table - view.getInt32(table, true);
  const place = view.getUint16(fields, true) > 10 ? view.getUint16(fields + 10, true) : 0;
  if (place === 0) return [];
  const list = table + place + view.getUint32(table + place, true);
  const length = view.getUint32(list, true);
  if (length * BLOCK > footer.length) throw new Error(`a list of ${length} record batches`);
  return Array.from({ length }, (_, i) => Number(view.getBigInt64(list + 4 + i * BLOCK, true)));
}
