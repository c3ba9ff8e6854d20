import { openForRead, type ReadHandle } from '../io/files.ts';
import type { InputFile, Part } from './input.ts';
import type { ReadOptions } from './part-read.ts';

const LF = 0x0a;
/** How much is read at a time to find the end of the record that a cut falls in. */
const PROBE_BYTES = 64 * 1024;

/**
 * True for a file of several splits that cannot be cut without reading it: it is one part here, and cut by its reader
 * (stream.ts). A text is one document, whatever its size.
 */
export const isCutWhileRead = ({ format, compression, size }: InputFile, splitBytes: number): boolean =>
  size > splitBytes && (format === 'json' || (format === 'jsonl' && compression !== 'none'));

/**
 * Cuts a file into parts of about `splitBytes`: uncompressed JSONL where a record ends, at or after each multiple of
 * `splitBytes`; Parquet between row groups, by their decompressed size, Arrow between record batches; any other is one part. At least one part.
 * With `read`, parts say where they take much memory to be read so. The cuts follow from the file and `splitBytes` alone; a few blocks of the file are read and never all of it.
 */
export async function cutParts(
  file: InputFile,
  input: number,
  splitBytes: number,
  read?: ReadOptions,
): Promise<Part[]> {
  if (file.format === 'parquet') return cutGroups(await rowGroups(file, read), input, splitBytes);
  if (file.format === 'arrow') return cutGroups(await recordBatches(file), input, splitBytes);
  const severalLines = file.format === 'jsonl' && file.compression === 'none' && file.size > splitBytes;
  const cuts = severalLines ? await lineCuts(file.path, splitBytes) : [0];
  return cuts.map((start, at) => {
    const end = cuts[at + 1] ?? file.size;
    return { input, start, end, bytes: end - start };
  });
}

/** Ascending offsets, 0 first, at each of which a record starts. */
async function lineCuts(path: string, splitBytes: number): Promise<number[]> {
  const file = await openForRead(path);
  try {
    const cuts = [0];
    for (let target = splitBytes; target < file.size;) {
      // From the byte before: when that is a line feed, the target itself is a record's start.
      const cut = await afterLineFeed(file, target - 1);
      if (cut >= file.size) break;
      cuts.push(cut);
      // The next multiple past the cut: a record over many multiples is looked through once, not once for each.
      target = (Math.floor(cut / splitBytes) + 1) * splitBytes;
    }
    return cuts;
  } finally {
    await file.close();
  }
}

/** The offset after the first line feed at or after `from`; the file's size when there is none. */
async function afterLineFeed(file: ReadHandle, from: number): Promise<number> {
  for (let position = from; position < file.size; position += PROBE_BYTES) {
    const bytes = await file.read(position, Math.min(PROBE_BYTES, file.size - position));
    const at = bytes.indexOf(LF);
    if (at >= 0) return position + at + 1;
  }
  return file.size;
}

/** What a table is cut between: bytes on disk, decompressed, and what reading it takes. */
type Group = { readonly bytes: number; readonly size: number; readonly memory: number };

/** More than this is said (`Part.memory`): beside 235 MiB of a run, two workers at such groups take 512. */
const LARGE_GROUP = 128 * 1024 * 1024;

async function rowGroups(file: InputFile, read: ReadOptions | undefined): Promise<Group[]> {
  const [{ openParquet }, { memoryOf }] = await Promise.all([
    import('./parquet-file.ts'),
    import('./parquet-columns.ts'),
  ]);
  const parquet = await openParquet(file);
  await parquet.close();
  return parquet.groups.map(({ bytes, uncompressedBytes: size }, at) => ({
    bytes,
    size,
    memory: read ? memoryOf(parquet, at, read) : 0,
  }));
}

async function recordBatches(file: InputFile): Promise<Group[]> {
  const { openArrow } = await import('./arrow-file.ts');
  const arrow = await openArrow(file);
  await arrow.close();
  return arrow.batches.map(({ start, end }) => ({ bytes: end - start, size: end - start, memory: end - start }));
}

function cutGroups(groups: readonly Group[], input: number, splitBytes: number): Part[] {
  const parts: Part[] = [];
  let start = 0;
  let bytes = 0;
  let size = 0;
  let memory = 0;
  groups.forEach((group, at) => {
    bytes += group.bytes;
    size += group.size;
    memory = Math.max(memory, group.memory);
    if (size < splitBytes && at + 1 < groups.length) return;
    parts.push({ input, start, end: at + 1, bytes, ...(memory > LARGE_GROUP && { memory }) });
    start = at + 1;
    bytes = 0;
    size = 0;
    memory = 0;
  });
  return parts.length > 0 ? parts : [{ input, start: 0, end: 0, bytes: 0 }];
}
