import { inputTruncated, isPrepError, messageOf } from '../core/errors.ts';
import { BitReader, EndOfBits } from './bits.ts';
import { Bzip2Block } from './bzip2-block.ts';
import { Pull } from './pull.ts';

/** More than the largest block can be: 900,000 symbols of 20 bits, and its tables. A block is decoded from memory. */
const LOOK_AHEAD = 4 * 1024 * 1024;
const BLOCK_UNIT = 100_000;
const BLOCK = 0x314159265359;
const END = 0x177245385090;

/**
 * Decompresses bzip2, one stream or many (pbzip2 writes one a block), both checksums verified. Memory is a block and 8 MiB.
 *
 * Own code, since what can be installed is slow and hangs on hostile input: unbzip2-stream does 8 MB/s and seek-bzip 21, and
 * in both 31 run symbols in a row overflow an int32 and make a loop that never ends.
 */
export async function* bunzip2(source: AsyncIterable<Uint8Array>, path: string): AsyncGenerator<Uint8Array> {
  const input = new Pull(source);
  const bits = new BitReader();
  const offset = (): number => input.bytes - bits.left;
  const fill = async (): Promise<void> => {
    const chunks: Uint8Array[] = [];
    let length = bits.left;
    if (length >= LOOK_AHEAD) return;
    for (let chunk; length < 2 * LOOK_AHEAD && (chunk = await input.next()) !== null; length += chunk.length)
      chunks.push(chunk);
    if (chunks.length > 0) bits.append(chunks);
  };
  try {
    await fill();
    if (bits.left === 0) throw inputTruncated(path, 0, 'the file is empty, which is not bzip2');
    for (; bits.left > 0; await fill()) {
      const block = new Bzip2Block(BLOCK_UNIT * levelOf(bits));
      let sum = 0;
      for (; ; await fill()) {
        const kind = bits.read(24) * 2 ** 24 + bits.read(24);
        const checksum = bits.read(16) * 2 ** 16 + bits.read(16);
        if (kind === END) {
          if (checksum !== sum) throw new Error('the checksum of the stream is not right');
          break;
        }
        if (kind !== BLOCK) throw new Error('no block begins here');
        sum = ((sum << 1) ^ (sum >>> 31) ^ checksum) >>> 0;
        block.read(bits);
        yield* block.write();
        if (block.checksum !== checksum) throw new Error('the checksum of a block is not right');
      }
      bits.align();
    }
  } catch (error) {
    if (isPrepError(error)) throw error;
    if (error instanceof EndOfBits) throw inputTruncated(path, input.bytes, 'the bzip2 stream is not complete');
    throw inputTruncated(path, offset(), `bzip2: ${messageOf(error)}`);
  } finally {
    await input.close();
  }
}

/** Size of the blocks of the stream that begins here, in units of 100,000 bytes. */
function levelOf(bits: BitReader): number {
  const magic = bits.read(24);
  const level = bits.read(8) - 0x30;
  if (magic !== 0x425a68 || level < 1 || level > 9) throw new Error('no stream begins here');
  return level;
}
