/** Columns of an Arrow table as plain arrays: a row of apache-arrow is an object and a getter a field, 20 us a segment. */
import { type Data, DataType } from 'apache-arrow';
import { readArrow } from './arrow.ts';

/** A column as it lies in a file: a part for each record batch. */
export type Parts = readonly Data[];

/** n lists, the i-th at `offsets[i]` to `offsets[i + 1]` of the values. */
export interface Lists {
  /** [n + 1] */
  readonly offsets: Int32Array;
  readonly values: Int32Array;
}

/** The rows of an Arrow IPC file as one column of structs. All of this throws plain errors: the caller knows the file. */
export const rowsOf = (bytes: Uint8Array): Parts => readArrow(bytes).data;

/** The field of a column of structs. */
export function child(parts: Parts, name: string): Parts {
  return parts.map(({ type, children, length }) => {
    const at = DataType.isStruct(type) ? type.children.findIndex((field) => field.name === name) : -1;
    const found = children[at];
    if (!found || found.length < length) throw new Error(`it has no column ${name}`);
    return found;
  });
}

/** A column of int32, or the places of a dictionary; without a copy where there is one part. */
export function int32Of(parts: Parts, length: number): Int32Array {
  const arrays = parts.map((part) => exactly(part, part.values, Int32Array));
  const [first] = arrays;
  if (arrays.length === 1 && first?.length === length) return first;
  const whole = new Int32Array(lengthOf(parts, length));
  let at = 0;
  for (const array of arrays) {
    whole.set(array, at);
    at += array.length;
  }
  return whole;
}

/** A part of a column of integers, as it lies in the file. */
export const integersOf = (part: Data): Int16Array | Int32Array =>
  part.values instanceof Int16Array ? exactly(part, part.values, Int16Array) : exactly(part, part.values, Int32Array);

/** A part of a column of float32, as it lies there. */
export const float32Of = (part: Data): Float32Array => exactly(part, part.values, Float32Array);

/** A part of a column of uint64, as its words: low, high, low, ... */
export function wordsOf(part: Data): Uint32Array {
  const { buffer, byteOffset, length } = exactly(part, part.values, BigUint64Array);
  return new Uint32Array(buffer, byteOffset, 2 * length);
}

/** A column of int64 as whole numbers: without a BigInt a value. */
export function int64Of(parts: Parts, length: number): Float64Array {
  const whole = new Float64Array(lengthOf(parts, length));
  let at = 0;
  for (const part of parts) {
    const { buffer, byteOffset, length } = exactly(part, part.values, BigInt64Array);
    const words = new Int32Array(buffer, byteOffset, 2 * length);
    for (let i = 0; i < length; i++) whole[at++] = words[2 * i + 1]! * 2 ** 32 + (words[2 * i]! >>> 0);
  }
  return whole;
}

/** The offsets of a column of lists [length + 1], and the column of all their items. */
export function listsOf(parts: Parts, length: number): { offsets: Int32Array; items: Parts } {
  const offsets = new Int32Array(lengthOf(parts, length) + 1);
  let row = 0;
  const items = parts.map((part) => {
    const own = exactly(part, part.valueOffsets, Int32Array, 1);
    const before = offsets[row]!;
    const item = part.children[0];
    if (own[0] !== 0 || !item) throw new Error('a list column does not begin at 0');
    for (let i = 0; i < part.length; i++) {
      if (own[i + 1]! < own[i]!) throw new Error('a list column does not ascend');
      offsets[++row] = before + own[i + 1]!;
    }
    if (own[part.length] !== item.length) throw new Error('a list column does not end with its items');
    return item;
  });
  return { offsets, items };
}

/** The texts that a dictionary column refers to. */
export function textsOf(parts: Parts): string[] {
  const [first] = parts;
  return first?.dictionary ? [...(first.dictionary as Iterable<string>)] : [];
}

type Values =
  | Int16Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>;

/** The values of a part, exactly as many as it says. */
function exactly<T extends Values>(
  { length }: Data,
  values: unknown,
  kind: new (...arguments_: never[]) => T,
  more = 0,
): T {
  if (!(values instanceof kind) || values.length < length + more)
    throw new Error(`a column does not hold ${length} values of ${kind.name}`);
  return values.subarray(0, length + more) as T;
}

function lengthOf(parts: Parts, length: number): number {
  const found = parts.reduce((sum, part) => sum + part.length, 0);
  if (found !== length) throw new Error(`a column has ${found} values, not ${length}`);
  return found;
}
