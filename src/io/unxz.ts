import { ReadableStream } from 'node:stream/web';
import xz from 'xz-decompress';
import { decompressionLimit, inputMalformed, inputTruncated, isPrepError, messageOf } from '../core/errors.ts';
import { Pull } from './pull.ts';

/** xz-embedded's codes, which the library puts into its messages. */
const MEMORY = 4;
const OPTIONS = 6;
const NO_MORE = 8;

/**
 * Decompresses xz, one stream or many, padding between them, checksums (CRC32, CRC64) verified: 46 MB/s, by xz-embedded in
 * WebAssembly. Its dictionary, which is memory, may be 64 MiB: `xz -9`.
 */
export async function* unxz(source: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  const input = new Pull(source);
  const first = await input.next();
  if (first === null) throw inputTruncated(path, 0, 'the file is empty, which is not xz');
  let failed: unknown;
  let waiting: Uint8Array | null = first;
  const stream = new ReadableStream<Uint8Array>({
    async pull(controller) {
      try {
        const chunk = waiting ?? (await input.next());
        waiting = null;
        if (chunk === null) controller.close();
        else controller.enqueue(chunk);
      } catch (error) {
        failed = error;
        controller.error(error);
      }
    },
  });
  try {
    yield* new xz.XzReadableStream(stream) as unknown as AsyncIterable<Uint8Array>;
  } catch (error) {
    throw failed ?? (isPrepError(error) ? error : damaged(path, input.bytes, messageOf(error)));
  } finally {
    await input.close();
  }
}

function damaged(path: string, offset: number, message: string): Error {
  const code = Number(/code (\d+)$/.exec(message)?.[1]);
  if (code === MEMORY) return decompressionLimit(path, offset, 'its dictionary is larger than 64 MiB');
  if (code === OPTIONS)
    return inputMalformed(
      path,
      `byte ${offset}`,
      'xz with a filter other than LZMA2 or a check other than CRC32 or CRC64: decompress it and give the result',
    );
  return inputTruncated(path, offset, code === NO_MORE ? 'the xz stream is not complete' : `xz: ${message}`);
}
