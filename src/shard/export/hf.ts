import { canonicalJson, fingerprint, type Json } from '../../core/fingerprint.ts';
import { ArrowFile } from '../arrow.ts';
import { featuresOf, windowData, windowSchema } from './arrow-windows.ts';
import { type Exporter, filesOf, windowsPerBatch } from './job.ts';

/** What `datasets.load_from_disk` opens: Arrow streams that it maps, `dataset_info.json`, and `state.json` last. */
export const exportHuggingFace: Exporter = async (job) => {
  const { columns, metadata, subset } = job;
  const schema = windowSchema(columns, metadata);
  const names: string[] = [];
  for (const { from, to, name } of filesOf(job)) {
    names.push(`data-${name}.arrow`);
    await job.commit(`data-${name}.arrow`, async (sink) => {
      const stream = new ArrowFile(schema, 'stream');
      for await (const batch of job.batches(from, to, windowsPerBatch(job)))
        for (const chunk of joined(stream.batch(windowData(columns, batch), batch.rows))) await sink.write(chunk);
      for (const chunk of stream.end()) await sink.write(chunk);
    });
  }
  const json = (name: string, value: Json) => job.commit(name, (sink) => sink.write(Buffer.from(canonicalJson(value))));
  await json('dataset_info.json', {
    citation: '',
    description: `Packed windows of ultraprep's plan ${metadata.plan}.`,
    features: featuresOf(columns),
    homepage: '',
    license: '',
  });
  await json('state.json', {
    _data_files: names.map((filename) => ({ filename })),
    // Names its cache files: the same for the same bytes.
    _fingerprint: fingerprint({ ...metadata, names }).slice(0, 16),
    _format_columns: null,
    _format_kwargs: {},
    _format_type: null,
    _output_all_columns: false,
    _split: subset,
  });
};

/** apache-arrow gives paddings and small columns as chunks of a few bytes: neighbours below 64 KiB are put together. */
function* joined(chunks: readonly Uint8Array[]): Generator<Uint8Array> {
  let small: Uint8Array[] = [];
  for (const chunk of [...chunks, null]) {
    if (chunk && chunk.length < 65_536) small.push(chunk);
    else {
      if (small.length > 0) yield Buffer.concat(small);
      small = [];
      if (chunk) yield chunk;
    }
  }
}
