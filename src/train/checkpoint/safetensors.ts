import { checkpointInvalid } from '../../core/errors.ts';

/**
 * The safetensors format (github.com/huggingface/safetensors): uint64 length N, N bytes of JSON
 * `{name: {dtype, shape, data_offsets: [begin, end]}}`, then the tensors; offsets count from the end of the header and
 * cover the rest without hole or overlap. Little-endian, row-major.
 */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Byte range behind the header. */
  readonly begin: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly entries: readonly TensorEntry[];
  readonly metadata: Readonly<Record<string, string>>;
  /** Offset in the file of the first tensor. */
  readonly dataStart: number;
}

/** Bytes an element takes. */
const WIDTH: Readonly<Record<string, number>> = {
  F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1,
}; // prettier-ignore

/** The format's own limit on a header. */
const MAX_HEADER_BYTES = 100_000_000;

/** The header of float32 tensors that follow in this order; padded so that they start at a multiple of 8. */
export function safetensorsHeader(
  tensors: readonly { readonly name: string; readonly shape: readonly number[] }[],
  metadata: Readonly<Record<string, string>> = {},
): Uint8Array {
  const header: Record<string, unknown> = { __metadata__: { format: 'pt', ...metadata } };
  let at = 0;
  for (const { name, shape } of tensors) {
    const end = at + 4 * shape.reduce((a, b) => a * b, 1);
    header[name] = { dtype: 'F32', shape, data_offsets: [at, end] };
    at = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil(json.length / 8) * 8;
  const bytes = new Uint8Array(8 + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(json, 8);
  return bytes;
}

/** Reads and checks a header against the size of the file; trusts nothing in it. `bytes`: at least the header's. */
export function readSafetensorsHeader(bytes: Uint8Array, fileSize: number, file: string): SafetensorsHeader {
  const fail = (place: string, problem: string): never => {
    throw checkpointInvalid(file, place, problem);
  };
  const length = headerLength(bytes, fileSize, file);
  if (bytes.length < 8 + length) fail('header', 'ends too early');
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes.subarray(8, 8 + length)));
  } catch {
    fail('header', 'is not JSON');
  }
  if (!isRecord(parsed)) return fail('header', 'is not a JSON object');
  const { __metadata__: metadata = {}, ...tensors } = parsed;
  if (!isRecord(metadata) || !Object.values(metadata).every((value) => typeof value === 'string'))
    return fail('__metadata__', 'is not a map of texts');
  const dataBytes = fileSize - 8 - length;
  const entries = Object.entries(tensors).map(([name, value]): TensorEntry => {
    if (!isRecord(value)) return fail(name, 'is not a JSON object');
    const { dtype, shape, data_offsets: offsets } = value;
    if (typeof dtype !== 'string' || !Object.hasOwn(WIDTH, dtype)) return fail(name, `unknown dtype ${String(dtype)}`);
    if (!isCounts(shape)) return fail(name, 'shape is not a list of sizes');
    if (!isCounts(offsets) || offsets.length !== 2) return fail(name, 'data_offsets is not a pair of offsets');
    const [begin, end] = offsets as [number, number];
    const size = shape.reduce((product, axis) => product * axis, WIDTH[dtype]!);
    if (begin > end || end > dataBytes) return fail(name, `bytes ${begin} to ${end} are not in the file`);
    if (end - begin !== size) return fail(name, `has ${end - begin} bytes, its shape asks for ${size}`);
    return { name, dtype, shape, begin, end };
  });
  checkCover(entries, dataBytes, fail);
  return { entries, metadata: metadata as Record<string, string>, dataStart: 8 + length };
}

/** Length of the JSON, from the first 8 bytes. */
export function headerLength(bytes: Uint8Array, fileSize: number, file: string): number {
  if (bytes.length < 8 || fileSize < 8) throw checkpointInvalid(file, 'header', 'ends too early');
  const length = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  if (length > BigInt(Math.min(MAX_HEADER_BYTES, fileSize - 8)))
    throw checkpointInvalid(file, 'header', `says it is ${length} bytes long, in a file of ${fileSize}`);
  return Number(length);
}

function checkCover(
  entries: readonly TensorEntry[],
  dataBytes: number,
  fail: (place: string, problem: string) => never,
): void {
  let at = 0;
  for (const { name, begin, end } of entries.toSorted((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < at) fail(name, `overlaps another tensor at byte ${begin}`);
    if (begin > at) fail(name, `leaves a hole before byte ${begin}`);
    at = end;
  }
  if (at !== dataBytes) fail('end', `${dataBytes - at} bytes belong to no tensor`);
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isCounts = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
