import { type CommitSink, commitStream } from '../../io/commit.ts';
import type { FileSystem } from '../../io/file-system.ts';
import type { FileEntry } from '../manifest.ts';
import { bytesOf, type Column, type Values, type WindowBatch } from './columns.ts';

export const COMPRESSIONS = ['none', 'snappy', 'zstd'] as const;
export type Compression = (typeof COMPRESSIONS)[number];

/** One export: the windows in their order, and the folder they go to. */
export interface Job {
  readonly windows: number;
  readonly windowLength: number;
  readonly columns: readonly Column[];
  readonly subset: string;
  /** Of a Parquet file. */
  readonly compression: Compression;
  /** Ids of a file, where the form has several; by default what its users have. */
  readonly fileBytes: number | undefined;
  /** What an export's files say about where they come from. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Windows [from, to) of the order; `columns` are all of the export by default. */
  batches(from: number, to: number, perBatch: number, columns?: readonly Column[]): AsyncGenerator<WindowBatch>;
  /** Writes one file of the export. */
  commit(name: string, write: (sink: CommitSink) => Promise<void>): Promise<FileEntry>;
  /** Writes several at once. */
  commitAll(names: readonly string[], write: (sinks: readonly CommitSink[]) => Promise<void>): Promise<void>;
}

/** Writes the windows of a job in a peer's form. */
export type Exporter = (job: Job) => Promise<void>;

/** Ids of a batch: what an export holds in memory, some times over. */
const BATCH_BYTES = 8 * 1024 * 1024;
/** As large as the files of `datasets`. */
const FILE_BYTES = 512 * 1024 * 1024;

/** Windows whose ids take so many bytes; at least one. */
export const windowsIn = (bytes: number, windowLength: number): number =>
  Math.max(1, Math.floor(bytes / (4 * windowLength)));
/** A file has several batches, a small one small ones. */
export const windowsPerBatch = ({ windowLength, fileBytes = FILE_BYTES }: Job): number =>
  windowsIn(Math.min(BATCH_BYTES, fileBytes / 4), windowLength);

/** The files of a form that has several: their windows [from, to), each with its number and how many there are. */
export function* filesOf(job: Job): Generator<{ from: number; to: number; name: string }> {
  const { windows, windowLength, fileBytes = FILE_BYTES } = job;
  const perFile = windowsIn(fileBytes, windowLength);
  const files = Math.max(1, Math.ceil(windows / perFile));
  const five = (n: number) => String(n).padStart(5, '0');
  for (let i = 0; i < files; i++)
    yield { from: i * perFile, to: Math.min((i + 1) * perFile, windows), name: `${five(i)}-of-${five(files)}` };
}

export const write = (sink: CommitSink, values: Values): Promise<void> => sink.write(bytesOf(values));

/** The two ways of committing, for a folder; what was committed is added to `files`. */
export function commits(dir: string, files: FileEntry[], fs: FileSystem): Pick<Job, 'commit' | 'commitAll'> {
  const commit: Job['commit'] = async (path, write) => {
    const entry = { path, ...(await commitStream(`${dir}/${path}`, write, fs)) };
    files.push(entry);
    return entry;
  };
  const commitAll: Job['commitAll'] = async ([name, ...others], write) => {
    if (name === undefined) return write([]);
    await commit(name, (sink) => commitAll(others, (sinks) => write([sink, ...sinks])));
  };
  return { commit, commitAll };
}
