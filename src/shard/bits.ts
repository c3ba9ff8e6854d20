import { corpusCorrupt } from '../core/errors.ts';
import { popcount, toBits } from '../core/bits.ts';
import type { CommitSink } from '../io/commit.ts';
import { ArrowFile, binaryData, int32Data } from './arrow.ts';
import { passMetadata, type PassInfo } from './noise.ts';
import type { BitsReceipt } from './receipt.ts';
import { bitsSchema, type Provenance } from './schema.ts';

/** A record batch holds 1 MiB of bits: 64 windows of 128K. */
const BATCH_BYTES = 2 ** 20;

/**
 * Writes the bitsets of a pass: for each window, in order, [window length] 1 where a token is masked. A bit a token, the lowest of
 * a byte first. Returns where the bits of each record batch lie.
 */
export async function writeBits(
  sink: CommitSink,
  masked: AsyncIterable<Uint8Array>,
  windowLength: number,
  info: PassInfo,
  from: Provenance,
): Promise<BitsReceipt['batches']> {
  const width = Math.ceil(windowLength / 8);
  const perBatch = Math.max(1, Math.floor(BATCH_BYTES / width));
  const bits = new Uint8Array(perBatch * width);
  const counts = new Int32Array(perBatch);
  const batches: { windows: number; offset: number }[] = [];
  const arrow = new ArrowFile(bitsSchema(windowLength, from, passMetadata(info)));
  let first = 0;
  let rows = 0;
  const flush = async (): Promise<void> => {
    const columns = [
      int32Data(Int32Array.from({ length: rows }, (_, i) => first + i)),
      binaryData(bits.subarray(0, rows * width), width),
      int32Data(counts.slice(0, rows)),
    ];
    for (const chunk of arrow.batch(columns, rows)) {
      if (chunk.buffer === bits.buffer) batches.push({ windows: rows, offset: sink.position });
      await sink.write(chunk);
    }
    first += rows;
    rows = 0;
  };
  for await (const window of masked) {
    const into = bits.subarray(rows * width, (rows + 1) * width);
    toBits(window, into);
    counts[rows++] = popcount(into);
    if (rows === perBatch) await flush();
  }
  if (rows > 0) await flush();
  for (const chunk of arrow.end()) await sink.write(chunk);
  return batches;
}

/** Byte offset of a window's bits in their file. */
export function bitsOffset({ path, batches }: BitsReceipt, window: number, width: number): number {
  let left = window;
  for (const { windows, offset } of batches) {
    if (left < windows) return offset + left * width;
    left -= windows;
  }
  throw corpusCorrupt(path, `window ${window}`, 'no record batch has it');
}
