import type { CommitSink } from '../../io/commit.ts';
import { type Exporter, type Job, windowsPerBatch, write } from './job.ts';
import { writeArrays } from './npy.ts';

/** Megatron's code of int32. */
const INT32 = 4;
/** Entries of the index made at a time. */
const ENTRIES = 65_536;

/**
 * Megatron-LM's indexed dataset, version 1: `tokens.bin` holds the ids, `tokens.idx` where each sequence lies. A window is a
 * sequence and a document of its own, padding included, since GPTDataset shuffles sequences and cuts what follows
 * each other at the sequence length: with ours at the window length, its samples are the windows. It has no place for
 * boundaries (it looks for end tokens), so those lie beside it as NumPy arrays.
 */
export const exportMegatron: Exporter = async (job) => {
  await job.commit('tokens.bin', async (sink) => {
    const ids = job.columns.filter(({ name }) => name === 'input_ids');
    for await (const { values } of job.batches(0, job.windows, windowsPerBatch(job), ids))
      await write(sink, values.input_ids!);
  });
  await writeArrays(
    job,
    job.columns.filter(({ name }) => name !== 'input_ids'),
  );
  await job.commit('tokens.idx', (sink) => writeIndex(sink, job));
};

async function writeIndex(sink: CommitSink, { windows, windowLength }: Job): Promise<void> {
  const header = new DataView(new ArrayBuffer(34));
  Buffer.from('MMIDIDX\0\0', 'latin1').forEach((byte, i) => header.setUint8(i, byte));
  header.setBigUint64(9, 1n, true);
  header.setUint8(17, INT32);
  header.setBigUint64(18, BigInt(windows), true);
  header.setBigUint64(26, BigInt(windows + 1), true);
  await sink.write(new Uint8Array(header.buffer));
  await repeat(windows, (_, count) => write(sink, new Int32Array(count).fill(windowLength)));
  const counting = (step: bigint) => (first: number, count: number) =>
    write(
      sink,
      BigInt64Array.from({ length: count }, (_, i) => step * BigInt(first + i)),
    );
  await repeat(windows, counting(BigInt(4 * windowLength)));
  await repeat(windows + 1, counting(1n));
}

async function repeat(total: number, some: (first: number, count: number) => Promise<void>): Promise<void> {
  for (let first = 0; first < total; first += ENTRIES) await some(first, Math.min(ENTRIES, total - first));
}
