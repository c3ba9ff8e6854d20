import { type Data, type Dictionary, type FixedSizeList, type Struct, Type, type Vector } from 'apache-arrow';

/** The value in a row: text as bytes, lists as arrays, structs as objects; undefined for a type that is not read. */
export type ReadValue = (row: number) => unknown;

/**
 * Reads a column's values from its buffers. apache-arrow's own `get` makes strings, with U+FFFD for what is not UTF-8, and
 * trusts offsets; here an offset outside of its buffer is an error.
 */
export function valuesOf(data: Data): ReadValue {
  const read = reader(data);
  return (row) => (data.nullCount > 0 && !data.getValid(row) ? null : read(row));
}

/** Whether a type's values are text. */
export const isText = ({ typeId, type }: Pick<Data, 'typeId' | 'type'>): boolean =>
  TEXT.has(typeId === Type.Dictionary ? (type as Dictionary).dictionary.typeId : typeId);

const TEXT = new Set<Type>([Type.Utf8, Type.LargeUtf8, Type.Utf8View, Type.Binary, Type.LargeBinary, Type.BinaryView]);
/** A view of at most this many bytes holds them itself. */
const INLINE = 12;

function reader(data: Data): ReadValue {
  const { typeId, values } = data;
  switch (typeId) {
    case Type.Utf8:
    case Type.LargeUtf8:
    case Type.Binary:
    case Type.LargeBinary: {
      const range = ranges(data, values.length);
      return (row) => values.subarray(...range(row));
    }
    case Type.Utf8View:
    case Type.BinaryView:
      return views(values as Uint8Array, data.variadicBuffers);
    case Type.List:
    case Type.LargeList: {
      const [child] = data.children;
      const range = ranges(data, child!.length);
      return items(valuesOf(child!), range);
    }
    case Type.FixedSizeList: {
      const size = (data.type as FixedSizeList).listSize;
      const child = data.children[0]!;
      return items(valuesOf(child), (row) => within(row * size, row * size + size, child.length));
    }
    case Type.Struct: {
      const members = (data.type as Struct).children.map(
        ({ name }, at) => [name, valuesOf(data.children[at]!)] as const,
      );
      return (row) => Object.fromEntries(members.map(([name, read]) => [name, read(row)]));
    }
    case Type.Dictionary:
      return entries(data.dictionary!, values as ArrayLike<number | bigint>);
    case Type.Int:
    case Type.Float:
      return (row) => values[row] as unknown;
    default:
      return () => undefined;
  }
}

type Range = (row: number) => [start: number, end: number];

function ranges(data: Data, length: number): Range {
  const offsets = data.valueOffsets as ArrayLike<number | bigint>;
  // Ascending, so that all values together are no more than there is.
  for (let row = 0; row < data.length; row++) within(Number(offsets[row]), Number(offsets[row + 1]), length);
  return (row) => [Number(offsets[row]), Number(offsets[row + 1])];
}

function within(start: number, end: number, length: number): [number, number] {
  if (!(start >= 0 && start <= end && end <= length)) throw new Error(`offsets ${start} to ${end} of ${length}`);
  return [start, end];
}

const items =
  (read: ReadValue, range: Range): ReadValue =>
  (row) => {
    const [start, end] = range(row);
    return Array.from({ length: end - start }, (_, at) => read(start + at));
  };

function views(values: Uint8Array, buffers: readonly Uint8Array[]): ReadValue {
  const view = new DataView(values.buffer, values.byteOffset, values.byteLength);
  return (row) => {
    const at = row * 16;
    const length = view.getInt32(at, true);
    if (length >= 0 && length <= INLINE) return values.subarray(at + 4, at + 4 + length);
    const buffer = buffers[view.getInt32(at + 8, true)];
    const start = view.getInt32(at + 12, true);
    return buffer?.subarray(...within(start, start + length, buffer.length));
  };
}

/** A dictionary that grew is of several parts. */
function entries(dictionary: Vector, keys: ArrayLike<number | bigint>): ReadValue {
  const parts = dictionary.data.map((part) => ({ length: part.length, read: valuesOf(part) }));
  return (row) => {
    let key = Number(keys[row]);
    for (const { length, read } of parts) {
      if (key >= 0 && key < length) return read(key);
      key -= length;
    }
    throw new Error(`key ${keys[row]} of a dictionary of ${dictionary.length}`);
  };
}
