/** What a file holds, told by its name alone. */
export interface FileFormat {
  readonly format: 'jsonl' | 'json' | 'parquet' | 'arrow' | 'text';
  readonly compression: 'none' | 'gzip' | 'zstd' | 'bzip2' | 'xz';
}

const FORMATS: Readonly<Record<string, FileFormat['format']>> = {
  jsonl: 'jsonl',
  ndjson: 'jsonl',
  json: 'json',
  parquet: 'parquet',
  arrow: 'arrow',
  feather: 'arrow',
  txt: 'text',
  md: 'text',
};
const COMPRESSIONS: Readonly<Record<string, Exclude<FileFormat['compression'], 'none'>>> = {
  gz: 'gzip',
  zst: 'zstd',
  bz2: 'bzip2',
  xz: 'xz',
};
/** Parquet and Arrow compress inside and are read by place: a compressed one is somebody's mistake. */
const compressible = (format: FileFormat['format']): boolean => format !== 'parquet' && format !== 'arrow';

/** Every ending that is known, for messages: `.jsonl`, `.jsonl.gz`, ... */
export const KNOWN_ENDINGS: readonly string[] = [
  '',
  ...Object.keys(COMPRESSIONS).map((ending) => `.${ending}`),
].flatMap((compression) =>
  Object.entries(FORMATS)
    .filter(([, format]) => compression === '' || compressible(format))
    .map(([ending]) => `.${ending}${compression}`),
);

/** A file's name without the ending that tells its format. */
export const withoutEnding = (name: string): string => {
  const lower = name.toLowerCase();
  const ending = KNOWN_ENDINGS.toSorted((a, b) => b.length - a.length).find((known) => lower.endsWith(known));
  return ending === undefined ? name : name.slice(0, -ending.length);
};

/** Format and compression of a file by its name, in any case of letters; undefined when unknown. */
export function formatOf(path: string): FileFormat | undefined {
  const parts = path
    .slice(path.search(/[^/\\]*$/))
    .toLowerCase()
    .split('.');
  const last = parts.length > 1 ? (parts.pop() ?? '') : '';
  const compression = Object.hasOwn(COMPRESSIONS, last) ? COMPRESSIONS[last] : undefined;
  const ending = compression === undefined ? last : parts.length > 1 ? (parts.pop() ?? '') : '';
  const format = Object.hasOwn(FORMATS, ending) ? FORMATS[ending] : undefined;
  if (format === undefined || (compression !== undefined && !compressible(format))) return undefined;
  return { format, compression: compression ?? 'none' };
}
