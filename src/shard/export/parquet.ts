import type { ReadableStream } from 'node:stream/web';
import { canonicalJson } from '../../core/fingerprint.ts';
import { windowSchema, windowStream } from './arrow-windows.ts';
import { type Exporter, filesOf, type Job, windowsPerBatch } from './job.ts';

/** As the files of a data set are named on the hub: `load_dataset` tells the split by it. */
export const exportParquet: Exporter = async (job) => {
  for (const { from, to, name } of filesOf(job))
    await job.commit(`${job.subset}-${name}.parquet`, async (sink) => {
      for await (const chunk of await parquetStream(job, from, to)) await sink.write(chunk);
    });
};

/**
 * Windows [from, to) as the bytes of a Parquet file. A row group is a batch, 8 MiB of ids. Without dictionaries: over token ids
 * they cost time and save nothing (28 MB/s with, 103 without). One entry of metadata, and one of the schema's: the library
 * writes several in an order of chance.
 */
async function parquetStream(job: Job, from: number, to: number): Promise<ReadableStream<Uint8Array>> {
  const { Compression, Table, transformParquetStream, WriterPropertiesBuilder } = await import('parquet-wasm');
  const { columns, metadata } = job;
  const codec = { none: Compression.UNCOMPRESSED, snappy: Compression.SNAPPY, zstd: Compression.ZSTD };
  const properties = new WriterPropertiesBuilder()
    .setCompression(codec[job.compression])
    .setDictionaryEnabled(false)
    .setMaxRowGroupSize(windowsPerBatch(job))
    .setKeyValueMetadata(new Map([['ultraprep', canonicalJson(metadata)]]))
    .build();
  const schema = windowSchema(columns);
  const batches = job.batches(from, to, windowsPerBatch(job));
  const source = new globalThis.ReadableStream(
    {
      async pull(controller) {
        const { done, value } = await batches.next();
        if (done) return controller.close();
        for (const batch of Table.fromIPCStream(windowStream(schema, columns, value)).recordBatches())
          controller.enqueue(batch);
      },
    },
    { highWaterMark: 1 },
  );
  return (await transformParquetStream(source, properties)) as ReadableStream<Uint8Array>;
}
