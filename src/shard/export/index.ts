import { corpusCorrupt, interrupted, noWindows } from '../../core/errors.ts';
import { inTrainingOrder } from '../../core/random.ts';
import type { Subset } from '../../core/window.ts';
import { commitFolder } from '../../io/commit-folder.ts';
import { type FileSystem, nodeFileSystem } from '../../io/file-system.ts';
import { sha256OfFile } from '../../io/hash.ts';
import type { FileEntry } from '../manifest.ts';
import { openCorpus, type StoredCorpus } from '../open.ts';
import { columnsWith } from './columns.ts';
import { exportHuggingFace } from './hf.ts';
import { commits, type Compression, type Exporter } from './job.ts';
import { EXPORT_FORMAT, EXPORT_MANIFEST, type ExportManifest, roomFor } from './manifest.ts';
import { exportMds } from './mds.ts';
import { exportMegatron } from './megatron.ts';
import { exportNpy } from './npy.ts';
import { exportParquet } from './parquet.ts';
import { WindowBatches } from './window-batches.ts';

export { OPTIONAL_COLUMNS } from './columns.ts';
export { COMPRESSIONS } from './job.ts';
export type { ExportManifest } from './manifest.ts';

const EXPORTERS = {
  parquet: exportParquet,
  hf: exportHuggingFace,
  megatron: exportMegatron,
  mds: exportMds,
  npy: exportNpy,
} as const satisfies Readonly<Record<string, Exporter>>;

export type ExportTarget = keyof typeof EXPORTERS;
export const EXPORT_TARGETS = Object.keys(EXPORTERS) as ExportTarget[];

export interface ExportOptions {
  readonly out: string;
  readonly to: ExportTarget;
  readonly subset: Subset;
  /** Windows by their numbers, or as an epoch of training reads them. */
  readonly order: { readonly epoch: number } | 'file';
  /** Of OPTIONAL_COLUMNS. */
  readonly columns: readonly string[];
  /** Of Parquet files. */
  readonly compression: Compression;
  /** Ids of a file, for the forms that have several: by default 512 MiB, MDS 32 MiB. */
  readonly fileBytes?: number | undefined;
  readonly overwrite: boolean;
  readonly signal?: AbortSignal;
  readonly fs?: FileSystem;
}

/**
 * Writes the windows of a corpus in a peer's form, streamed: in memory are 8 MiB of ids (MDS: 32), some times over. The same
 * corpus and options give the same bytes. Content is compared with its checksums before anything is written:
 * CORPUS_CORRUPT names the file. `onProgress` hears of windows written.
 */
export async function exportCorpus(
  dir: string,
  options: ExportOptions,
  onProgress: (done: number, of: number) => void = () => {},
): Promise<ExportManifest> {
  const { out, to, subset, order, fs = nodeFileSystem } = options;
  const corpus = await openCorpus(dir);
  try {
    const clear = await roomFor(out, options.overwrite);
    const numbers = inOrder(corpus, options);
    if (numbers.length === 0) throw noWindows(dir, subset);
    await checkContent(corpus, subset);
    const { manifest } = corpus;
    const sources = Object.keys(manifest.ledgerBySource).sort();
    const windows = new WindowBatches(corpus, numbers, sources);
    const columns = columnsWith(options.columns);
    const about = {
      plan: manifest.plan,
      version: manifest.version,
      subset,
      order: order === 'file' ? 'file' : 'training',
      policy: manifest.policy,
    };
    return await commitFolder(
      out,
      async (temporary) => {
        const files: FileEntry[] = [];
        await EXPORTERS[to]({
          windows: numbers.length,
          windowLength: manifest.windowLength,
          columns,
          subset,
          compression: options.compression,
          fileBytes: options.fileBytes,
          metadata: { ...about, epoch: order === 'file' ? '' : String(order.epoch), format: EXPORT_FORMAT },
          async *batches(from, end, perBatch, chosen = columns) {
            let done = from;
            for await (const batch of windows.batches(chosen, from, end, perBatch)) {
              if (options.signal?.aborted) throw interrupted(done, numbers.length, 'windows');
              yield batch;
              done += batch.rows;
              if (chosen.some(({ name }) => name === 'input_ids')) onProgress(done, numbers.length);
            }
          },
          ...commits(temporary, files, fs),
        });
        const made: ExportManifest = {
          format: EXPORT_FORMAT,
          to,
          ...about,
          epoch: order === 'file' ? null : order.epoch,
          name: manifest.name,
          windows: numbers.length,
          windowLength: manifest.windowLength,
          tokenizer: manifest.tokenizer,
          columns: Object.fromEntries(columns.map(({ name, type }) => [name, type])),
          sources,
          files: files.toSorted((a, b) => (a.path < b.path ? -1 : 1)),
        };
        await commits(temporary, [], fs).commit(EXPORT_MANIFEST, (sink) =>
          sink.write(Buffer.from(`${JSON.stringify(made, null, 2)}\n`)),
        );
        return made;
      },
      clear,
      fs,
    );
  } finally {
    await corpus.close();
  }
}

/** Global numbers of the windows, as they are to be written. */
function inOrder(corpus: StoredCorpus, { subset, order }: ExportOptions): Int32Array {
  const numbers = corpus.numbers(subset);
  if (order === 'file') return numbers;
  return inTrainingOrder(numbers, corpus.manifest.order.seed, order.epoch);
}

/** A damaged shard must not become a sound export: its checksums would then say that it is. */
async function checkContent({ dir, manifest }: StoredCorpus, subset: Subset): Promise<void> {
  for (const shard of manifest.splits.flatMap(({ shards }) => shards))
    if (shard.subset === subset)
      for (const { path, sha256 } of [shard, shard.mask])
        if ((await sha256OfFile(`${dir}/${path}`)) !== sha256)
          throw corpusCorrupt(`${dir}/${path}`, 'content', 'differs from its checksum');
}
