import { isUtf8 } from 'node:buffer';
import { openForRead } from './files.ts';
import { readNow } from './now.ts';

/** Bytes of one read: 1 MiB, past which larger reads gain nothing. */
export const CHUNK_BYTES = 1024 * 1024;

/** So few are read at once: of 100,000 texts of a line each, four fifths of the time was waiting to be told of a file. */
const SMALL_BYTES = 64 * 1024;

export { isUtf8 };

/**
 * The bytes [start, end) of a file (all of it by default) in chunks of at most `chunk`, each in memory of its own; with `again`,
 * all in the same memory: a chunk is good until the next one is asked for.
 */
export async function* byteChunks(
  path: string,
  start = 0,
  end?: number,
  chunk = CHUNK_BYTES,
  again = false,
): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  if (end !== undefined && end - start <= SMALL_BYTES) {
    if (end > start) yield readNow(path, start, end);
    return;
  }
  const file = await openForRead(path);
  try {
    const stop = end ?? file.size;
    const into = again ? new Uint8Array(Math.max(0, Math.min(chunk, stop - start))) : undefined;
    for (let position = start; position < stop; position += chunk) {
      yield await file.read(position, Math.min(chunk, stop - position), into);
    }
  } finally {
    await file.close();
  }
}

/** Shows each chunk to `see` on its way: hashing and progress look at the bytes as they lie on disk. */
export async function* tap<T>(chunks: AsyncIterable<T>, see: (chunk: T) => void): AsyncGenerator<T> {
  for await (const chunk of chunks) {
    see(chunk);
    yield chunk;
  }
}
