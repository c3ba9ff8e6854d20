import { parquetScan } from 'hyparquet';
import type { Document } from '../core/document.ts';
import { inputMalformed, isPrepError, messageOf } from '../core/errors.ts';
import { checkSize, columnsFor } from './parquet-columns.ts';
import { openParquet, type ParquetFile, type RowGroup } from './parquet-file.ts';
import { PageChecks } from './parquet-pages.ts';
import type { PartRead } from './part-read.ts';
import { isObject, memberAt, type TakeRecord } from './record.ts';
import { type DocumentOf, someAtATime, takenRow, textRow } from './row.ts';
import { takerOf } from './take.ts';

/** Text stays bytes: hyparquet would decode with U+FFFD for what is not UTF-8. */
const PARSERS = { stringFromBytes: (bytes: Uint8Array) => bytes, jsonFromBytes: (bytes: Uint8Array) => bytes };

/**
 * Parquet, a row group at a time, the text and id columns only. Origins are row numbers. Progress and cursor count
 * a row group's bytes on disk with all its columns (what is left behind); the hash is over the column bytes that were read.
 */
export async function* readParquet(read: PartRead): AsyncGenerator<Document[]> {
  const { file, part, options } = read;
  const parquet = await openParquet(file);
  try {
    const wanted = columnsFor(file.name, parquet, options);
    const columns = [...new Set(wanted.all)];
    const take = options.form || options.groupField !== null ? takerOf(options) : null;
    for (let at = part.start; at < part.end; at++) {
      const group = parquet.groups[at];
      if (group === undefined) throw inputMalformed(file.name, `row group ${at}`, 'it is not there');
      checkSize(file.name, parquet, at, columns);
      const values = await readColumns(read, parquet, group, at, columns);
      const valuesOf = (column: string | null) => values[columns.indexOf(column ?? '')] ?? null;
      yield* someAtATime(
        group.rows,
        take
          ? takenFrom(read, group, columns, values, take)
          : documentsOf(read, group, valuesOf(wanted.all[0]!) ?? [], valuesOf(wanted.id)),
      );
      read.passed(group.bytes);
    }
  } finally {
    await parquet.close();
  }
}

function documentsOf(
  read: PartRead,
  group: RowGroup,
  texts: ArrayLike<unknown>,
  ids: ArrayLike<unknown> | null,
): DocumentOf {
  const { textField, idField } = read.options;
  return (row) => {
    const id = ids === null || idField === null ? null : inner(ids[row], idField);
    return textRow(read, group.firstRow + row, inner(texts[row], textField), id);
  };
}

/** The same of records that are more than a text: a row is made the object it would be in JSON. */
function takenFrom(
  read: PartRead,
  group: RowGroup,
  columns: readonly string[],
  values: readonly ArrayLike<unknown>[],
  take: TakeRecord,
): DocumentOf {
  return (row) => {
    const members = columns.map((column, i) => [column, values[i]?.[row]] as const);
    return takenRow(read, group.firstRow + row, Object.fromEntries(members), take);
  };
}

/** The columns of a row group, read one after the other so that the hash has one order. */
async function readColumns(
  read: PartRead,
  parquet: ParquetFile,
  group: RowGroup,
  at: number,
  columns: readonly string[],
): Promise<ArrayLike<unknown>[]> {
  const rows = { rowStart: group.firstRow, rowEnd: group.firstRow + group.rows };
  const values: ArrayLike<unknown>[] = [];
  if (group.rows === 0) return values;
  try {
    const checks = new PageChecks(parquet.metadata);
    const scan = await parquetScan({
      file: parquet.buffer(at, checks, (bytes) => read.hashed(bytes)),
      metadata: parquet.metadata,
      columns: [...columns],
      compressors: checks.compressors,
      parsers: PARSERS,
      useOffsetIndex: false,
      ...rows,
    });
    for (const column of columns) {
      checks.begin();
      const found = await scan.readColumn({ column, ...rows });
      if (found.length !== group.rows) throw new Error(`column ${column} has ${found.length} of ${group.rows} rows`);
      values.push(found);
    }
  } catch (error) {
    throw isPrepError(error) ? error : inputMalformed(read.file.name, `row group ${at}`, messageOf(error));
  }
  return values;
}

/** The value of a field in its column's value, which is a struct where the field is a dotted path. */
function inner(value: unknown, field: string): unknown {
  if (!isObject(value) || ArrayBuffer.isView(value)) return value;
  return memberAt(value, field.slice(field.indexOf('.') + 1));
}
