import {
  type AsyncBuffer,
  type ColumnChunk,
  type ColumnMetaData,
  type FileMetaData,
  parquetMetadataAsync,
  parquetSchema,
} from 'hyparquet';
import { inputMalformed, inputTruncated, isPrepError, messageOf } from '../core/errors.ts';
import { MAX_METADATA_BYTES } from '../core/limits.ts';
import { openForRead } from '../io/files.ts';
import type { InputFile } from './input.ts';
import type { PageChecks } from './parquet-pages.ts';

/** A row group as the footer declares it, its ranges checked against the file. */
export interface RowGroup {
  readonly firstRow: number;
  readonly rows: number;
  /** On disk. */
  readonly bytes: number;
  readonly uncompressedBytes: number;
}

/** A Parquet file, opened: the footer read and checked. */
export interface ParquetFile {
  readonly metadata: FileMetaData;
  readonly groups: readonly RowGroup[];
  /** Names of the top-level columns. */
  readonly columns: readonly string[];
  /** Hands out a row group's columns once `checks` has them; `see` is shown the bytes in the order asked for. */
  buffer(group: number, checks: PageChecks, see: (bytes: Uint8Array) => void): AsyncBuffer;
  close(): Promise<void>;
}

const MAGIC = 'PAR1';
/** Magic, footer length and magic: no Parquet file is smaller. */
const SMALLEST = 12;

export async function openParquet(file: InputFile): Promise<ParquetFile> {
  const handle = await openForRead(file.path);
  const slice = async (start: number, end = handle.size): Promise<ArrayBuffer> =>
    (await handle.read(start, end - start)).buffer;
  try {
    if (handle.size < SMALLEST) throw inputTruncated(file.name, handle.size, 'smaller than any Parquet file');
    const head = new TextDecoder('latin1').decode(await handle.read(0, 4));
    const tail = await handle.read(handle.size - 8, 8);
    if (head !== MAGIC) throw inputMalformed(file.name, 'byte 0', 'not a Parquet file');
    if (new TextDecoder('latin1').decode(tail.subarray(4)) !== MAGIC)
      throw inputTruncated(file.name, handle.size, 'no Parquet footer at its end');
    const footer = new DataView(tail.buffer).getUint32(0, true);
    if (footer > Math.min(MAX_METADATA_BYTES, handle.size - SMALLEST))
      throw inputMalformed(file.name, `byte ${handle.size - 8}`, `a footer of ${footer} bytes cannot be`);
    // Without its look for columns of maps, which never ends where a flipped bit makes a count of children negative.
    const metadata = await parquetMetadataAsync({ byteLength: handle.size, slice }, { geoparquet: false });
    const groups = checkedGroups(metadata, handle.size);
    const columns = parquetSchema(metadata).children.map(({ element }) => {
      if (typeof element.name !== 'string') throw new Error('a column has no name');
      return element.name;
    });
    return {
      metadata,
      groups,
      columns,
      close: () => handle.close(),
      buffer: (group, checks, see) =>
        seen(handle.size, checked(metadata.row_groups[group]?.columns ?? [], checks, slice), see),
    };
  } catch (error) {
    await handle.close();
    throw isPrepError(error) ? error : inputMalformed(file.name, 'the footer', messageOf(error));
  }
}

/** Sizes and offsets are the file's word: all of them must lie within it before anything is asked for by them. */
function checkedGroups(metadata: FileMetaData, size: number): RowGroup[] {
  let firstRow = 0;
  const groups = metadata.row_groups.map((group, at) => {
    let bytes = 0;
    let uncompressedBytes = 0;
    for (const { meta_data: column } of group.columns) {
      if (!Array.isArray(column?.path_in_schema)) throw new Error(`row group ${at} has a column without metadata`);
      const start = startOf(column);
      const length = Number(column.total_compressed_size);
      if (!(start >= 4 && length >= 0 && start + length <= size))
        throw new Error(`row group ${at} declares bytes ${start} to ${start + length} of ${size}`);
      bytes += length;
      uncompressedBytes += Number(column.total_uncompressed_size);
    }
    const rows = Number(group.num_rows);
    if (!(rows >= 0 && Number.isSafeInteger(firstRow + rows))) throw new Error(`row group ${at} declares ${rows} rows`);
    const result = { firstRow, rows, bytes, uncompressedBytes };
    firstRow += rows;
    return result;
  });
  if (firstRow !== Number(metadata.num_rows))
    throw new Error(`${metadata.num_rows} rows declared, ${firstRow} in the row groups`);
  return groups;
}

type Slice = (start: number, end?: number) => Promise<ArrayBuffer>;

/** A slice may hold several columns of a struct: each of the row group's that lies in it is checked. */
const checked =
  (columns: readonly ColumnChunk[], checks: PageChecks, slice: Slice): Slice =>
  async (start, end) => {
    const bytes = await slice(start, end);
    for (const { meta_data: column } of columns) {
      if (column === undefined) continue;
      const first = startOf(column) - start;
      const last = first + Number(column.total_compressed_size);
      if (first >= 0 && last <= bytes.byteLength) checks.add(new DataView(bytes, first, last - first), column);
    }
    return bytes;
  };

/** Where a column chunk begins: with its dictionary, if it has one. */
const startOf = (column: ColumnMetaData): number => Number(column.dictionary_page_offset || column.data_page_offset);

function seen(byteLength: number, slice: Slice, see: (bytes: Uint8Array) => void): AsyncBuffer {
  // Reads may finish in any order; what is shown follows the order of asking, so that a hash of it is the same each time.
  let turn: Promise<void> = Promise.resolve();
  return {
    byteLength,
    slice(start, end) {
      const bytes = slice(start, end);
      const next = Promise.all([bytes, turn]).then(([buffer]) => see(new Uint8Array(buffer)));
      turn = next.catch(() => {}); // The read's own error goes to whoever asked.
      const result = next.then(() => bytes);
      // hyparquet asks for all it may want, and waits for nothing any more where a column makes no sense to it.
      result.catch(() => {});
      return result;
    },
  };
}
