import { byteChunks, tap } from '../io/bytes.ts';
import { decompress } from '../io/decompress.ts';
import type { PartRead } from './part-read.ts';

/** The bytes of a part as its format wants them, decompressed; those on disk are hashed and counted on their way. */
export function contentOf(read: PartRead): AsyncIterable<Uint8Array> {
  const { file, part } = read;
  const onDisk = tap(byteChunks(file.path, part.start, part.end), (chunk) => {
    read.hashed(chunk);
    read.passed(chunk.length);
  });
  return decompress(onDisk, file.compression, file.name);
}
