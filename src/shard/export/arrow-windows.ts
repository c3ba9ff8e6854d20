import { canonicalJson, type Json } from '../../core/fingerprint.ts';
import {
  ArrowFile,
  type Data,
  field,
  int32,
  int32Data,
  int64,
  int64Data,
  int8,
  int8Data,
  listData,
  listOf,
  type Schema,
  schemaOf,
} from '../arrow.ts';
import type { Column, Values, WindowBatch } from './columns.ts';

const TYPES = { int8, int32, int64 };

/** Columns as `datasets` describes them. `Sequence` is what all its versions read; from 4 on it writes `List`. */
export const featuresOf = (columns: readonly Column[]): Json =>
  Object.fromEntries(
    columns.map(({ name, type, shape }) => {
      const value = { dtype: type, _type: 'Value' };
      return [name, shape === 'one' ? value : { feature: value, _type: 'Sequence' }];
    }),
  );

/**
 * Windows as `datasets` and pyarrow have such columns: nullable, and lists of any length, `input_ids` too, since that is
 * what trainers' collators take and what they compare their features with.
 */
export function windowSchema(columns: readonly Column[], metadata: Readonly<Record<string, string>> = {}): Schema {
  const fields = columns.map(({ name, type, shape }) =>
    field(name, shape === 'one' ? TYPES[type] : listOf(TYPES[type], true), true),
  );
  const huggingface = canonicalJson({ info: { features: featuresOf(columns) } });
  return schemaOf(fields, { huggingface, ...metadata });
}

/** A batch as Arrow's columns, over its arrays: nothing is copied. */
export function windowData(columns: readonly Column[], batch: WindowBatch): Data[] {
  const places = Int32Array.from({ length: batch.rows + 1 }, (_, i) => i * batch.windowLength);
  return columns.map(({ name, type, shape }) => {
    const data = valueData(batch.values[name]!);
    if (shape === 'one') return data;
    return listData(listOf(TYPES[type], true), shape === 'window' ? places : batch.offsets[shape], data);
  });
}

function valueData(values: Values): Data {
  if (values instanceof Int32Array) return int32Data(values);
  return values instanceof Int8Array ? int8Data(values) : int64Data(values);
}

/** A batch as an Arrow stream of its own. */
export function windowStream(schema: Schema, columns: readonly Column[], batch: WindowBatch): Uint8Array {
  const stream = new ArrowFile(schema, 'stream');
  return Buffer.concat([...stream.batch(windowData(columns, batch), batch.rows), ...stream.end()]);
}
