/**
 * TensorBoard's event file: records of uint64 length, masked CRC-32C of it, an `Event` message, masked CRC-32C of that; all
 * little-endian (tensorflow/core/lib/io/record_writer.h). The messages are a few fields of protobuf, written by hand
 * (tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto).
 */
export interface Scalar {
  readonly tag: string;
  readonly value: number;
}

/** The record that every file begins with. `time` in seconds since 1970. */
export const versionRecord = (time: number): Uint8Array =>
  record(join([fixed64(1, time), bytes(3, UTF8.encode('brain.Event:2'))]));

/** The scalars of one step. */
export function scalarsRecord(time: number, step: number, scalars: readonly Scalar[]): Uint8Array {
  // Summary { repeated Value value = 1 }, Value { string tag = 1; float simple_value = 2 }.
  const values = scalars.map(({ tag, value }) => bytes(1, join([bytes(1, UTF8.encode(tag)), fixed32(2, value)])));
  // Event { double wall_time = 1; int64 step = 2; Summary summary = 5 }.
  return record(join([fixed64(1, time), varint(2 << 3), varint(step), bytes(5, join(values))]));
}

function record(message: Uint8Array): Uint8Array {
  const out = new Uint8Array(12 + message.length + 4);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(message.length), true);
  view.setUint32(8, maskedCrc(out.subarray(0, 8)), true);
  out.set(message, 12);
  view.setUint32(12 + message.length, maskedCrc(message), true);
  return out;
}

const UTF8 = new TextEncoder();

function join(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Base 128, least digit first; steps may be beyond 32 bits. */
function varint(value: number): Uint8Array {
  const digits: number[] = [];
  let left = value;
  for (; left >= 128; left = Math.floor(left / 128)) digits.push((left % 128) | 128);
  return Uint8Array.from([...digits, left]);
}

/** A field of wire type 2. */
const bytes = (field: number, content: Uint8Array): Uint8Array =>
  join([varint((field << 3) | 2), varint(content.length), content]);

/** A double, wire type 1. */
function fixed64(field: number, value: number): Uint8Array {
  const out = new Uint8Array(9);
  out[0] = (field << 3) | 1;
  new DataView(out.buffer).setFloat64(1, value, true);
  return out;
}

/** A float, wire type 5. */
function fixed32(field: number, value: number): Uint8Array {
  const out = new Uint8Array(5);
  out[0] = (field << 3) | 5;
  new DataView(out.buffer).setFloat32(1, value, true);
  return out;
}

/** Of the polynomial of Castagnoli, reflected. */
const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C, turned and added to as these files want it: a CRC of what has CRCs in it is weak. */
export function maskedCrc(content: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of content) crc = CRC_TABLE[(crc ^ byte) & 0xff]! ^ (crc >>> 8);
  crc = ~crc >>> 0;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
