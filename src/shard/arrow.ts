/** What the project needs of apache-arrow: building columns without copies, and writing a file batch by batch. */
import {
  AsyncByteQueue,
  Bool,
  type Data,
  type DataType,
  Dictionary,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  Int16,
  Int32,
  Int64,
  Int8,
  List,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  RecordBatchStreamWriter,
  type RecordBatchWriter,
  Schema,
  Struct,
  tableFromIPC,
  Uint64,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';

export { type Data, type Schema };
export const int8 = new Int8();
export const int16 = new Int16();
export const int32 = new Int32();
export const int64 = new Int64();
export const uint64 = new Uint64();
export const float32 = new Float32();
export const utf8 = new Utf8();
export const bool = new Bool();
/** The id is fixed: apache-arrow's own counts up with the process, and it is written to the file. */
export const dictionary = (id: number) => new Dictionary(utf8, int32, id);
export const binary = (width: number) => new FixedSizeBinary(width);
export const field = (name: string, type: DataType, nullable = false) => new Field(name, type, nullable);
export const listOf = (type: DataType, nullable = false) => new List(field('item', type, nullable));
export const fixedListOf = (type: DataType, size: number) => new FixedSizeList(size, field('item', type));
export const structOf = (fields: Field[]) => new Struct(fields);
export const schemaOf = (fields: Field[], metadata: Readonly<Record<string, string>>) =>
  new Schema(fields, new Map(Object.entries(metadata)));

/** Columns over arrays that are there already: nothing is copied. */
export const int8Data = (values: Int8Array) => makeData({ type: int8, data: values });
export const int16Data = (values: Int16Array) => makeData({ type: int16, data: values });
export const int32Data = (values: Int32Array) => makeData({ type: int32, data: values });
export const float32Data = (values: Float32Array) => makeData({ type: float32, data: values });
export const int64Data = (values: BigInt64Array) => makeData({ type: int64, data: values });
export const uint64Data = (values: BigUint64Array) => makeData({ type: uint64, data: values });
/** From whole numbers of at least 0: no BigInt a value. */
export function int64Array(values: Float64Array): BigInt64Array<ArrayBuffer> {
  const words = new Uint32Array(values.length * 2);
  for (let i = 0; i < values.length; i++) {
    words[2 * i] = values[i]! >>> 0;
    words[2 * i + 1] = Math.floor(values[i]! / 2 ** 32);
  }
  return new BigInt64Array(words.buffer);
}
export const int64From = (values: Float64Array): Data<Int64> => int64Data(int64Array(values));
export const binaryData = (values: Uint8Array, width: number) => makeData({ type: binary(width), data: values });
export const utf8Data = (values: readonly (string | null)[]) => vectorFromArray([...values], utf8).data[0]!;
/** From UTF-8 bytes and their offsets [n + 1]; `present` has 0 where a value is null. */
export function utf8From(data: Uint8Array, valueOffsets: Int32Array, present: Uint8Array): Data<Utf8> {
  const nullBitmap = new Uint8Array(Math.ceil(present.length / 8));
  let nullCount = 0;
  for (let i = 0; i < present.length; i++)
    if (present[i]) nullBitmap[i >> 3]! |= 1 << (i & 7);
    else nullCount++;
  return makeData({ type: utf8, data, valueOffsets, nullBitmap, nullCount, length: present.length });
}

/** A column of the few `names`, by their places: apache-arrow's own builder keeps 200 bytes a value until it is done. */
export function utf8Names(names: readonly string[], places: Uint8Array): Data<Utf8> {
  const encoded = names.map((name) => new TextEncoder().encode(name));
  const offsets = new Int32Array(places.length + 1);
  for (let i = 0; i < places.length; i++) offsets[i + 1] = offsets[i]! + encoded[places[i]!]!.length;
  const data = new Uint8Array(offsets[places.length]!);
  for (let i = 0; i < places.length; i++) data.set(encoded[places[i]!]!, offsets[i]);
  return utf8From(data, offsets, new Uint8Array(places.length).fill(1));
}

/** A column of `length` texts out of `values`, which any text that is none of them becomes the first of. */
export function dictionaryFrom(
  type: Dictionary<Utf8, Int32>,
  values: readonly string[],
  length: number,
  of: (i: number) => string,
): Data<Dictionary<Utf8, Int32>> {
  const rank = new Map(values.map((value, i) => [value, i]));
  const places = new Int32Array(length);
  for (let i = 0; i < length; i++) places[i] = rank.get(of(i)) ?? 0;
  return dictionaryData(type, values, places);
}

/** The same by the texts' places in `values`. */
export const dictionaryData = (
  type: Dictionary<Utf8, Int32>,
  values: readonly string[],
  places: Int32Array,
): Data<Dictionary<Utf8, Int32>> => makeData({ type, data: places, dictionary: dictionaryOf(values) });

/** One object for all batches of a file: apache-arrow writes a dictionary once where it is the same object. */
const dictionaries = new WeakMap<readonly string[], Vector<Utf8>>();
function dictionaryOf(values: readonly string[]): Vector<Utf8> {
  const known = dictionaries.get(values) ?? new Vector([utf8Data(values)]);
  dictionaries.set(values, known);
  return known;
}

export const fixedListData = (type: FixedSizeList, child: Data) =>
  makeData({ type, child, length: child.length / type.listSize, nullCount: 0 });
export const listData = (type: List, valueOffsets: Int32Array, child: Data) =>
  makeData({ type, valueOffsets, child, length: valueOffsets.length - 1, nullCount: 0 });
export const structData = (type: Struct, children: Data[], length: number) =>
  makeData({ type, children, length, nullCount: 0 });

/** Offsets [n + 1] of n lists from their lengths. */
export function offsetsOf(lengths: ArrayLike<number>): Int32Array {
  const offsets = new Int32Array(lengths.length + 1);
  for (let i = 0; i < lengths.length; i++) offsets[i + 1] = offsets[i]! + lengths[i]!;
  return offsets;
}

export const concatInt32 = (arrays: readonly Int32Array[]): Int32Array => concat(arrays, Int32Array);
export const concatInt16 = (arrays: readonly Int16Array[]): Int16Array => concat(arrays, Int16Array);
export const concatFloat32 = (arrays: readonly Float32Array[]): Float32Array => concat(arrays, Float32Array);

function concat<T extends Int16Array | Int32Array | Float32Array>(
  arrays: readonly T[],
  kind: new (length: number) => T,
): T {
  const whole = new kind(arrays.reduce((sum, array) => sum + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    whole.set(array, at);
    at += array.length;
  }
  return whole;
}

export const batchOf = (schema: Schema, columns: Data[], rows: number): RecordBatch =>
  new RecordBatch(schema, structData(new Struct(schema.fields), columns, rows));

/** A queue that keeps what is written until it is taken: apache-arrow's own has no back-pressure. */
class Chunks extends AsyncByteQueue {
  #taken: Uint8Array[] = [];
  override write(chunk: Uint8Array): void {
    this.#taken.push(chunk);
  }
  take(): Uint8Array[] {
    const taken = this.#taken;
    this.#taken = [];
    return taken;
  }
}

/** An Arrow IPC file (or stream, which has no footer), written batch by batch: each call returns the bytes it added. */
export class ArrowFile {
  readonly #chunks = new Chunks();
  readonly #writer: RecordBatchWriter;
  readonly schema: Schema;
  constructor(schema: Schema, form: 'file' | 'stream' = 'file') {
    this.schema = schema;
    this.#writer = form === 'file' ? new RecordBatchFileWriter() : new RecordBatchStreamWriter();
    this.#writer.reset(this.#chunks, schema);
  }
  /** What comes before the first record batch, which otherwise comes with it: of a file its mark, of a stream the schema. */
  begin(): Uint8Array[] {
    return this.#chunks.take();
  }
  /** The bytes of one more record batch. Chunks of column values are the arrays that were given, not copies. */
  batch(columns: Data[], rows: number): Uint8Array[] {
    this.#writer.write(batchOf(this.schema, columns, rows));
    return this.#chunks.take();
  }
  end(): Uint8Array[] {
    this.#writer.finish();
    return this.#chunks.take();
  }
}

/** A whole Arrow IPC file of one record batch, as chunks: those of column values are the arrays that were given. */
export function arrowChunks(schema: Schema, columns: Data[], rows: number): Uint8Array[] {
  const file = new ArrowFile(schema);
  return [...file.batch(columns, rows), ...file.end()];
}

/** The same in one piece: for the small tables. */
export const arrowBytes = (schema: Schema, columns: Data[], rows: number): Uint8Array =>
  Buffer.concat(arrowChunks(schema, columns, rows));

/** Reads an Arrow IPC file; its columns are views of `bytes`. */
export const readArrow = (bytes: Uint8Array) => tableFromIPC(bytes);
