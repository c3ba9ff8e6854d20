import { parquetSchema, type SchemaTree } from 'hyparquet';
import { inputMalformed } from '../core/errors.ts';
import type { ParquetFile } from './parquet-file.ts';
import type { ReadOptions } from './part-read.ts';
import { missing } from './record.ts';

/** A column of a row group is in memory whole, with its pages: measured 2.4 GB for 1.16 GB of text. */
const LARGEST_COLUMN = 2 * 1024 * 1024 * 1024;

/** The top-level columns that reading takes, those of the fields first, and among them the one of the id. */
export function columnsFor(
  file: string,
  parquet: ParquetFile,
  { textField, idField, groupField, form }: ReadOptions,
): { readonly all: readonly string[]; readonly id: string | null } {
  const fields =
    form === undefined
      ? [textColumn(file, parquet, textField)]
      : form.format === 'messages'
        ? [anyColumn(file, parquet, form.messages)]
        : [textColumn(file, parquet, form.prompt), textColumn(file, parquet, form.response)];
  const id = idField === null ? null : idColumn(parquet, idField);
  const group = groupField === null ? [] : [anyColumn(file, parquet, groupField, 'group_field')];
  return { all: [...fields, ...(id === null ? [] : [id]), ...group], id };
}

function anyColumn(file: string, parquet: ParquetFile, field: string, setting = '--field'): string {
  const column = columnOf(parquet, field);
  if (parquet.columns.includes(column)) return column;
  throw noColumn(file, parquet, field, setting);
}

const noColumn = (file: string, parquet: ParquetFile, field: string, setting = '--field') =>
  inputMalformed(file, 'the schema', `${missing(field, parquet.columns).detail}: give the right one with ${setting}`);

/** The top-level column that holds a field, the field itself checked to be text. */
function textColumn(file: string, parquet: ParquetFile, field: string): string {
  const leaf = leafOf(parquetSchema(parquet.metadata), field);
  if (leaf === undefined) throw noColumn(file, parquet, field);
  const { type, converted_type: converted, repetition_type: repetition } = leaf.element;
  if (type !== 'BYTE_ARRAY' || converted === 'DECIMAL' || converted === 'BSON' || repetition === 'REPEATED')
    throw inputMalformed(
      file,
      'the schema',
      `column ${field} is ${converted ?? type ?? 'a group'}, not text: give another with --field`,
    );
  return columnOf(parquet, field);
}

/** A missing id column is no harm: documents go without an id. */
function idColumn(parquet: ParquetFile, field: string): string | null {
  if (leafOf(parquetSchema(parquet.metadata), field) === undefined) return null;
  return columnOf(parquet, field);
}

const columnOf = (parquet: Pick<ParquetFile, 'columns'>, field: string): string =>
  parquet.columns.includes(field) ? field : (field.split('.')[0] ?? field);

const child = (node: SchemaTree, name: string): SchemaTree | undefined =>
  node.children.find(({ element }) => element.name === name && element.repetition_type !== 'REPEATED');

/** The schema node of a field: a column of that very name, else down a dotted path through structs (no lists). */
function leafOf(root: SchemaTree, field: string): SchemaTree | undefined {
  const whole = child(root, field);
  if (whole !== undefined) return whole;
  return field.split('.').reduce<SchemaTree | undefined>((node, name) => node && child(node, name), root);
}

/** Refuses a row group that would not fit in memory, before it is asked for. */
export function checkSize(file: string, { metadata }: ParquetFile, at: number, columns: readonly string[]): void {
  for (const { meta_data: chunk } of metadata.row_groups[at]?.columns ?? []) {
    if (chunk === undefined || !columns.includes(chunk.path_in_schema[0] ?? '')) continue;
    const size = Math.max(Number(chunk.total_uncompressed_size), Number(chunk.total_compressed_size));
    if (size > LARGEST_COLUMN)
      throw inputMalformed(
        file,
        `row group ${at}`,
        `column ${chunk.path_in_schema.join('.')} has ${size} bytes in one row group; write it with smaller ones`,
      );
  }
}

/** A value is an object of its own until its row group is done: measured 670 bytes, the document's row in our table included. */
const VALUE_BYTES = 512;

/** Memory that reading a row group takes: its columns as they lie in the file, decompressed, and each of their values. */
export function memoryOf(parquet: ParquetFile, at: number, options: ReadOptions): number {
  const { textField, idField, groupField, form } = options;
  const fields = !form ? [textField] : form.format === 'messages' ? [form.messages] : [form.prompt, form.response];
  const others = [idField, groupField].filter((field) => field !== null);
  const wanted = new Set([...fields, ...others].map((field) => columnOf(parquet, field)));
  let bytes = 0;
  for (const { meta_data: chunk } of parquet.metadata.row_groups[at]?.columns ?? [])
    if (chunk !== undefined && wanted.has(chunk.path_in_schema[0] ?? '')) {
      bytes += Number(chunk.total_compressed_size) + Number(chunk.total_uncompressed_size);
      bytes += VALUE_BYTES * Number(chunk.num_values);
    }
  return bytes;
}
