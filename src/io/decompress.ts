import { decompressionLimit } from '../core/errors.ts';
import { bunzip2 } from './bunzip2.ts';
import { tap } from './bytes.ts';
import type { FileFormat } from './formats.ts';
import { gunzip } from './gunzip.ts';
import { unxz } from './unxz.ts';
import { unzstd } from './unzstd.ts';

/** Turns the bytes of a file on disk into those that were compressed; `path` is for messages. */
type Decompressor = (source: AsyncIterable<Uint8Array>, path: string) => AsyncIterable<Uint8Array>;

const DECOMPRESSORS: Readonly<Record<Exclude<FileFormat['compression'], 'none'>, Decompressor>> = {
  gzip: gunzip,
  zstd: unzstd,
  bzip2: bunzip2,
  xz: unxz,
};

/** How large a file of `size` bytes on disk may become. */
export const mostDecompressed = (size: number, compression: FileFormat['compression']): number =>
  compression === 'none' ? size : Math.max(FREE_BYTES, size * MOST_TIMES);

/** Text, the most repetitive too, stays far below: 10 GiB of zeros are 10 MiB of gzip, 1030 times as many. */
const MOST_TIMES = 500;
/** A small file may be what it likes. */
const FREE_BYTES = 64 * 1024 * 1024;

/**
 * The decompressed bytes of a file, streamed in bounded memory: all members, frames or streams of it, their checksums
 * verified. One that is cut, damaged, empty or followed by something else is INPUT_TRUNCATED with the offset on disk; one
 * that grows beyond reason is DECOMPRESSION_LIMIT before it has cost a second.
 */
export async function* decompress(
  source: AsyncIterable<Uint8Array>,
  compression: FileFormat['compression'],
  path: string,
): AsyncGenerator<Uint8Array> {
  if (compression === 'none') {
    yield* source;
    return;
  }
  let taken = 0;
  let given = 0;
  const counted = tap(source, (chunk) => (taken += chunk.length));
  for await (const chunk of DECOMPRESSORS[compression](counted, path)) {
    given += chunk.length;
    if (given > FREE_BYTES && given > taken * MOST_TIMES)
      throw decompressionLimit(path, taken, `${given} bytes came out of its first ${taken}`);
    if (chunk.length > 0) yield chunk;
  }
}
