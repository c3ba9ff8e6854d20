import type { ColumnMetaData } from 'hyparquet';
import { parquetHeader } from 'hyparquet/src/column.js';

/**
 * Walks the page headers of a column chunk before hyparquet does, and throws on what would make it loop or allocate
 * without end: a page that ends before it begins (its reader then goes backwards for ever), or one that declares
 * more values than the chunk has. Headers are a few dozen bytes a page, so this costs nothing beside the decoding.
 */
export function checkPages(view: DataView, column: ColumnMetaData): void {
  const reader = { view, offset: 0 };
  const most = Number(column.num_values);
  let values = 0;
  while (reader.offset < view.byteLength - 1 && values < most) {
    const at = reader.offset;
    const header = parquetHeader(reader);
    const size = header.compressed_page_size;
    if (!(size >= 0 && reader.offset + size <= view.byteLength)) throw new Error(`the page at ${at} has ${size} bytes`);
    const page = header.data_page_header ?? header.data_page_header_v2;
    const count = (page ?? header.dictionary_page_header)?.num_values ?? 0;
    if (!(count >= 0 && count <= most)) throw new Error(`the page at ${at} declares ${count} of ${most} values`);
    if (page !== undefined) values += count;
    reader.offset += size;
  }
  if (values !== most) throw new Error(`the pages have ${values} of ${most} values`);
}
