import type { CommitSink } from '../../io/commit.ts';
import { type Column, type ListShape, LIST_SHAPES, type Shape, type ValueType } from './columns.ts';
import { type Exporter, type Job, windowsPerBatch, write } from './job.ts';

/** Letters of numpy. */
const DTYPES: Readonly<Record<ValueType, string>> = { int8: '|i1', int32: '<i4', int64: '<i8' };

/** A NumPy file's header, version 1.0: data begin at a multiple of 64 bytes. */
export function npyHeader(dtype: string, shape: readonly number[]): Uint8Array {
  const dimensions = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${dtype}', 'fortran_order': False, 'shape': (${dimensions}), }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const header = new Uint8Array(length).fill(0x20);
  header.set([0x93, ...Buffer.from('NUMPY'), 1, 0, (length - 10) & 0xff, (length - 10) >> 8]);
  header.set(Buffer.from(text, 'latin1'), 10);
  header[length - 1] = 0x0a;
  return header;
}

/** Flat arrays, one file each, to be mapped: `input_ids.npy` [windows, window length], and all else beside it. */
export const exportNpy: Exporter = (job) => writeArrays(job, job.columns);

/**
 * A file a column: one value a window, or [windows, window length], or all lists one after the other, with their offsets
 * [windows + 1] in `<lists>_offsets.npy`. A header has the length in it, so the lists are counted before they are written.
 */
export async function writeArrays(job: Job, columns: readonly Column[]): Promise<void> {
  const { windows, windowLength } = job;
  const shapes = LIST_SHAPES.filter((shape) => columns.some((column) => column.shape === shape));
  const items = await countItems(job, columns, shapes);
  const shapeOf = (shape: Shape): number[] => {
    if (shape === 'one') return [windows];
    return shape === 'window' ? [windows, windowLength] : [items[shape]];
  };
  const names = [...columns.map(({ name }) => name), ...shapes.map((shape) => `${shape}_offsets`)];
  await job.commitAll(
    names.map((name) => `${name}.npy`),
    async (sinks) => {
      const sinkOf = new Map<string, CommitSink>(names.map((name, i) => [name, sinks[i]!]));
      for (const { name, type, shape } of columns)
        await sinkOf.get(name)!.write(npyHeader(DTYPES[type], shapeOf(shape)));
      const written = { cu_seqlens: 0, seq_lengths: 0, segments: 0 };
      for (const shape of shapes) {
        const sink = sinkOf.get(`${shape}_offsets`)!;
        await sink.write(npyHeader('<i8', [windows + 1]));
        await write(sink, BigInt64Array.of(0n));
      }
      for await (const batch of job.batches(0, windows, windowsPerBatch(job), columns)) {
        for (const { name } of columns) await write(sinkOf.get(name)!, batch.values[name]!);
        for (const shape of shapes) {
          const { [shape]: offsets } = batch.offsets;
          const ends = BigInt64Array.from(offsets.subarray(1), (end) => BigInt(written[shape] + end));
          await write(sinkOf.get(`${shape}_offsets`)!, ends);
          written[shape] += offsets.at(-1)!;
        }
      }
    },
  );
}

async function countItems(job: Job, columns: readonly Column[], shapes: readonly ListShape[]) {
  const items = { cu_seqlens: 0, seq_lengths: 0, segments: 0 };
  const small = columns.filter(({ shape }) => shape === 'one');
  for await (const { offsets } of job.batches(0, job.windows, windowsPerBatch(job), small))
    for (const shape of shapes) items[shape] += offsets[shape].at(-1)!;
  return items;
}
