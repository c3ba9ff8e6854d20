import { byteChunks, tap } from '../io/bytes.ts';
import { decompress } from '../io/decompress.ts';
import type { InputFile } from './input.ts';
import type { PartRead } from './part-read.ts';

/**
 * The bytes of a part as its format wants them, decompressed; those on disk are hashed and counted on their way. Of a range
 * that somebody else reads from disk, those of the range are hashed; the other counts. With `again`, a chunk is good until the
 * next one is asked for: 1 MiB that is used again, and not 32 in each split.
 */
export function contentOf(read: PartRead, again = false): AsyncIterable<Uint8Array> {
  const { file, part, content } = read;
  if (content) return tap(content.chunks, (chunk) => read.hashed(chunk));
  const see = (chunk: Uint8Array) => {
    read.hashed(chunk);
    read.passed(chunk.length);
  };
  return decompressed(file, part, see, undefined, again && file.compression === 'none');
}

/** The bytes [start, end) on disk, decompressed; `see` is shown them as they lie there. */
export const decompressed = (
  file: InputFile,
  { start, end }: { start: number; end: number },
  see: (onDisk: Uint8Array) => void,
  chunk?: number,
  again?: boolean,
): AsyncIterable<Uint8Array> =>
  decompress(tap(byteChunks(file.path, start, end, chunk, again), see), file.compression, file.name);
