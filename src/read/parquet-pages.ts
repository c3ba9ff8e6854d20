import { type ColumnMetaData, type Compressors, type FileMetaData, parquetSchema } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';
import { parquetHeader } from 'hyparquet/src/column.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel, getTreePath } from 'hyparquet/src/schema.js';
import { countHighest, type Cursor, passDeltas, passDeltaTexts, passRuns } from './parquet-runs.ts';

/** A page is a megabyte or so; one that declares more than this is hostile or broken. */
const LARGEST_PAGE = 1024 * 1024 * 1024;
/** Values of a column in a row group: at 8 bytes each and more, more of them would be another such page. */
const MOST_VALUES = 2 ** 27;
/** A page header with the statistics that writers put there: twice 4 KiB at most. */
const LARGEST_HEADER = 64 * 1024;

type Header = ReturnType<typeof parquetHeader>;

/** What is known of a column beside its pages. */
interface Leaf {
  readonly type: ColumnMetaData['type'];
  /** Highest levels of definition and repetition. */
  readonly defined: number;
  readonly repeated: number;
}

/** A page that can be looked at only once it is decompressed. */
interface Waiting {
  readonly size: number;
  check(page: Uint8Array): void;
}

/**
 * Looks at the pages of a row group before hyparquet does, and throws on what would make it loop or allocate without end: a
 * page that ends before it begins, one that declares more values than its column, a run longer than its page. Headers at
 * once, pages as they are decompressed, in the same order; what is in them, a count or two for many values, costs nothing beside decoding.
 */
export class PageChecks {
  readonly #schema: ReturnType<typeof parquetSchema>;
  #waiting: Waiting[] = [];

  constructor(metadata: FileMetaData) {
    this.#schema = parquetSchema(metadata);
  }

  /** hyparquet's compressors, each asked for sane sizes only and its result looked at. */
  readonly compressors: Compressors = Object.fromEntries(
    Object.entries(compressors).map(([codec, decompress]) => [
      codec,
      (input: Uint8Array, length: number) => {
        if (!(length >= 0 && length <= LARGEST_PAGE)) throw new Error(`a page declares ${length} bytes`);
        const waiting = this.#waiting.shift();
        if (waiting?.size !== input.length) throw new Error(`a page of ${input.length} bytes is not in its place`);
        const page = decompress(input, length);
        waiting.check(page);
        return page;
      },
    ]),
  );

  /** Another column is about to be read. */
  begin(): void {
    this.#waiting = [];
  }

  /** `view` is a column chunk. */
  add(view: DataView, column: ColumnMetaData): void {
    const path = getTreePath(this.#schema, column.path_in_schema);
    const leaf = { type: column.type, defined: getMaxDefinitionLevel(path), repeated: getMaxRepetitionLevel(path) };
    const most = Number(column.num_values);
    if (!(most >= 0 && most <= MOST_VALUES)) throw new Error(`a column declares ${most} values in one row group`);
    const plain = column.codec === 'UNCOMPRESSED';
    let values = 0;
    for (let at = 0; at < view.byteLength - 1 && values < most;) {
      const { header, start } = headerAt(view, at);
      const size = header.compressed_page_size;
      if (!(size >= 0 && start + size <= view.byteLength)) throw new Error(`the page at ${at} has ${size} bytes`);
      const page = header.data_page_header ?? header.data_page_header_v2;
      const count = (page ?? header.dictionary_page_header)?.num_values ?? 0;
      if (!(count >= 0 && count <= most)) throw new Error(`the page at ${at} declares ${count} of ${most} values`);
      if (page !== undefined) values += count;
      const bytes = new Uint8Array(view.buffer, view.byteOffset + start, size);
      const levels = header.data_page_header_v2 ? checkLevels(bytes, header.data_page_header_v2, leaf) : 0;
      const rest = bytes.subarray(levels);
      const check = (decompressed: Uint8Array) => checkValues(decompressed, header, leaf);
      if (plain || header.data_page_header_v2?.is_compressed === false) check(rest);
      else this.#waiting.push({ size: rest.length, check });
      at = start + size;
    }
    if (values !== most) throw new Error(`the pages have ${values} of ${most} values`);
  }
}

function headerAt(view: DataView, at: number): { header: Header; start: number } {
  const size = Math.min(LARGEST_HEADER, view.byteLength - at);
  const reader = { view: new DataView(view.buffer, view.byteOffset + at, size), offset: 0 };
  return { header: parquetHeader(reader), start: at + reader.offset };
}

type HeaderV2 = NonNullable<Header['data_page_header_v2']>;

/** Levels of a page of version 2, which are not compressed; their length. */
function checkLevels(page: Uint8Array, header: HeaderV2, { defined, repeated }: Leaf): number {
  const { num_values: values, num_nulls: nulls } = header;
  const [first, second] = [header.repetition_levels_byte_length, header.definition_levels_byte_length];
  if (!(first >= 0 && second >= 0 && first + second <= page.length && nulls >= 0 && nulls <= values))
    throw new Error(`a page of ${page.length} bytes has levels of ${first} and ${second}, ${nulls} of ${values} null`);
  const view = viewOf(page);
  if (repeated > 0) passRuns({ view, offset: 0 }, widthOf(repeated), values, first);
  if (defined > 0) passRuns({ view, offset: first }, widthOf(defined), values, first + second);
  return first + second;
}

/** What is in a data page: of version 1 with its levels, of version 2 without. */
function checkValues(page: Uint8Array, header: Header, leaf: Leaf): void {
  const { data_page_header: v1, data_page_header_v2: v2 } = header;
  const data = v1 ?? v2;
  if (!data) return;
  const at: Cursor = { view: viewOf(page), offset: 0 };
  let values = data.num_values - (v2?.num_nulls ?? 0);
  if (v1 && leaf.repeated > 0) {
    const end = sized(at);
    passRuns(at, widthOf(leaf.repeated), values, end);
    at.offset = end;
  }
  if (v1 && leaf.defined > 0) {
    const end = sized(at);
    values = countHighest(at, leaf.defined, values, end);
    at.offset = end;
  }
  if (values === 0) return;
  const { encoding } = data;
  if (encoding === 'RLE') passRuns(at, 1, values, sized(at));
  else if (encoding === 'PLAIN_DICTIONARY' || encoding === 'RLE_DICTIONARY') {
    const width = at.view.getUint8(at.offset++);
    if (width > 32) throw new Error(`a page has indices of ${width} bits`);
    if (width > 0 || v2) passRuns(at, width, values, page.length);
  } else if (encoding === 'DELTA_BINARY_PACKED' || encoding === 'DELTA_LENGTH_BYTE_ARRAY') passDeltas(at, values);
  else if (encoding === 'DELTA_BYTE_ARRAY') passDeltaTexts(at, values, LARGEST_PAGE);
}

/** The end of what comes after its length. */
function sized(at: Cursor): number {
  const end = at.offset + 4 + at.view.getUint32(at.offset, true);
  at.offset += 4;
  if (end > at.view.byteLength) throw new Error(`a page of ${at.view.byteLength} bytes has runs up to ${end}`);
  return end;
}

const viewOf = ({ buffer, byteOffset, length }: Uint8Array): DataView => new DataView(buffer, byteOffset, length);
const widthOf = (level: number): number => 32 - Math.clz32(level);
