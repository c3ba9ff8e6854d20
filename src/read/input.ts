import { basename, resolve } from 'node:path';
import { inputNotFound, inputUnknownFormat } from '../core/errors.ts';
import { stat } from '../io/files.ts';
import { relativeName } from '../io/list.ts';
import { type FileFormat, formatOf, KNOWN_ENDINGS } from './format.ts';

/** An input file of a plan. */
export interface InputFile extends FileFormat {
  /** Absolute. */
  readonly path: string;
  /** Relative to the input root, `/` between names: for messages and the plan. */
  readonly name: string;
  readonly size: number;
  /** The part of a mixture the file belongs to. */
  readonly source: string;
}

/** A piece of an input: what one split reads of one file. */
export interface Part {
  /** Number of the file in the plan. */
  readonly input: number;
  /** A byte range of uncompressed JSONL, a range of row groups of Parquet, the bytes on disk of a whole file otherwise. */
  readonly start: number;
  readonly end: number;
  /** Bytes on disk, for sharing out work and for progress; of Parquet, those of its row groups. */
  readonly bytes: number;
  /** What reading its largest row group or record batch takes in memory, where that is more than a worker is to need. */
  readonly memory?: number;
}

/** Looks at a file that `listInputs` gave. */
export async function inputFile(path: string, baseDir: string, source?: string): Promise<InputFile> {
  const name = relativeName(baseDir, path);
  const format = formatOf(path);
  if (format === undefined) throw inputUnknownFormat(name, KNOWN_ENDINGS);
  const found = await stat(path);
  if (found?.kind !== 'file') throw inputNotFound(name, baseDir);
  return { path: resolve(path), name, size: found.size, ...format, source: source ?? basename(path) };
}
