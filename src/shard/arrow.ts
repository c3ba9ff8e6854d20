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
  Int32,
  Int64,
  List,
  makeData,
  RecordBatch,
  RecordBatchFileWriter,
  Schema,
  Struct,
  tableFromIPC,
  Uint64,
  Utf8,
  Vector,
  vectorFromArray,
} from 'apache-arrow';

export { type Data, type Schema };
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
export const listOf = (type: DataType) => new List(field('item', type));
export const fixedListOf = (type: DataType, size: number) => new FixedSizeList(size, field('item', type));
export const structOf = (fields: Field[]) => new Struct(fields);
export const schemaOf = (fields: Field[], metadata: Readonly<Record<string, string>>) =>
  new Schema(fields, new Map(Object.entries(metadata)));

/** Columns over arrays that are there already: nothing is copied. */
export const int32Data = (values: Int32Array) => makeData({ type: int32, data: values });
export const float32Data = (values: Float32Array) => makeData({ type: float32, data: values });
export const int64Data = (values: BigInt64Array) => makeData({ type: int64, data: values });
export const uint64Data = (values: BigUint64Array) => makeData({ type: uint64, data: values });
export const binaryData = (values: Uint8Array, width: number) => makeData({ type: binary(width), data: values });
export const utf8Data = (values: readonly (string | null)[]) => vectorFromArray([...values], utf8).data[0]!;
export const dictionaryData = (type: Dictionary<Utf8, Int32>, indices: Int32Array, values: Vector<Utf8>) =>
  makeData({ type, data: indices, dictionary: values });
export const utf8Vector = (values: readonly string[]) => new Vector([utf8Data(values)]);
export const fixedListData = (type: FixedSizeList, child: Data) =>
  makeData({ type, child, length: child.length / type.listSize, nullCount: 0 });
export const listData = (type: List, valueOffsets: Int32Array, child: Data) =>
  makeData({ type, valueOffsets, child, length: valueOffsets.length - 1, nullCount: 0 });
export const structData = (type: Struct, children: Data[], length: number) =>
  makeData({ type, children, length, nullCount: 0 });

/** Offsets [n + 1] of n lists from their lengths. */
export function offsetsOf(lengths: readonly number[]): Int32Array {
  const offsets = new Int32Array(lengths.length + 1);
  lengths.forEach((length, i) => (offsets[i + 1] = offsets[i]! + length));
  return offsets;
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

/** An Arrow IPC file, written batch by batch: `take` returns the bytes that each call added. */
export class ArrowFile {
  readonly #chunks = new Chunks();
  readonly #writer = new RecordBatchFileWriter();
  readonly schema: Schema;
  constructor(schema: Schema) {
    this.schema = schema;
    this.#writer.reset(this.#chunks, schema);
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

/** A whole Arrow IPC file of one record batch, in memory: for the small tables. */
export function arrowBytes(schema: Schema, columns: Data[], rows: number): Uint8Array {
  const file = new ArrowFile(schema);
  return Buffer.concat([...file.batch(columns, rows), ...file.end()]);
}

/** Reads an Arrow IPC file; its columns are views of `bytes`. */
export const readArrow = (bytes: Uint8Array) => tableFromIPC(bytes);
