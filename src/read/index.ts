import type { Flow } from '../core/batch.ts';
import { bytesOf, type Document } from '../core/document.ts';
import { fingerprintMismatch, inputNotFound } from '../core/errors.ts';
import { fingerprint } from '../core/fingerprint.ts';
import type { Slab } from '../core/slab.ts';
import type { Source, StageContext } from '../core/stage.ts';
import { statNow } from '../io/now.ts';
import type { InputFile, Part } from './input.ts';
import { readJsonl } from './jsonl.ts';
import { type Content, PartRead, type PartReader, type ReadOptions } from './part-read.ts';
import { readText } from './text.ts';

export { mostDecompressed } from '../io/decompress.ts';
export { type FileFormat, formatOf, KNOWN_ENDINGS } from './format.ts';
export { type InputFile, inputFile, type Part } from './input.ts';
export { cutParts, isCutWhileRead } from './parts.ts';
export { parseChatTemplate } from './chat-template.ts';
export type { ReadOptions, RecordForm } from './part-read.ts';
export { cutStream, type StreamPiece } from './stream.ts';

/** What is known of a part once it has been read to its end. */
export interface PartResult {
  /** Index into the parts that were given. */
  readonly part: number;
  /**
   * SHA-256 of the part's bytes on disk; of Parquet, of the column bytes that were read, in the order of reading; of a range
   * of a file that is cut while it is read, of its decompressed bytes.
   */
  readonly sha256: string;
  /** Bytes that were hashed. */
  readonly size: number;
  /** Rejected ones included. */
  readonly records: number;
  /** Lines of a JSONL part, blank ones included; 0 for other formats. */
  readonly lines: number;
}

/** Libraries are loaded where their format is there: 80 ms a worker. */
const READERS: Readonly<Record<InputFile['format'], PartReader>> = {
  jsonl: readJsonl,
  json: later(async () => (await import('./json-array.ts')).readJsonArray),
  parquet: later(async () => (await import('./parquet.ts')).readParquet),
  arrow: later(async () => (await import('./arrow.ts')).readArrow),
  text: readText,
};

function later(load: () => Promise<PartReader>): PartReader {
  return async function* (read) {
    yield* (await load())(read);
  };
}

/** Where a record is held, some of what is looked at in it is a string, which ends there. */
const LARGEST_RECORD = 512 * 1024 * 1024;

/** The options for a format: a text, and a record of JSON that is no more, is not held where there is room for it elsewhere. */
function optionsFor(format: InputFile['format'], options: ReadOptions, { room }: StageContext): ReadOptions {
  if (format === 'text' || (format.startsWith('json') && !options.form && room)) return options;
  return { ...options, documentBytes: Math.min(options.documentBytes, LARGEST_RECORD) };
}

/** A batch ends at whichever comes first; where it is large enough, it ends with what its reader gave together. */
const BATCH_DOCUMENTS = 256;
const BATCH_BYTES = 1024 * 1024;

/** Raise when the same files give other documents than before. */
const VERSION = 1;

/** A range of a file that somebody else reads and cuts (`cutStream`). */
export interface Range extends Content {
  readonly input: number;
  /** Offset in the decompressed file. */
  readonly start: number;
}

/**
 * The documents of some parts, in their order. `done` hears of each part before the next one is begun. A `range` is read in
 * place of the one part that it is of. With `texts`, whose memory is used again, a batch is good until the next one is asked for.
 */
export function readParts(
  files: readonly InputFile[],
  parts: readonly Part[],
  options: ReadOptions,
  done: (result: PartResult) => void,
  range: Range | null = null,
  texts?: Slab<Uint8Array<ArrayBuffer>>,
): Source<Document> {
  return {
    name: 'read',
    // Asked for when the stages are explained, and never of a split: a plan may have 100,000 files.
    get fingerprint() {
      const formats = [...new Set(files.map(({ format, compression }) => `${format}+${compression}`))].sort();
      const { textField, idField, groupField, documentBytes, form = null } = options;
      const which = { textField, idField, groupField, documentBytes, form };
      return fingerprint({ stage: 'read', version: VERSION, formats, ...which });
    },
    read: (context) => documentsOf(files, range ? [partOf(range)] : parts, options, done, context, range, texts),
  };
}

/** Where a range ends is not known yet, and its bytes on disk are counted by its reader. */
const partOf = ({ input, start }: Range): Part => ({ input, start, end: start, bytes: 0 });

async function* documentsOf(
  files: readonly InputFile[],
  parts: readonly Part[],
  options: ReadOptions,
  done: (result: PartResult) => void,
  context: StageContext,
  range: Range | null,
  texts: Slab<Uint8Array<ArrayBuffer>> | undefined,
): Flow<Document> {
  const behind = { bytes: 0, records: 0 };
  for (const [index, part] of parts.entries()) {
    const file = files[part.input];
    if (file === undefined) throw new RangeError(`part ${index} is of input ${part.input}, of ${files.length}`);
    checkUnchanged(file);
    const read = new PartRead(file, part, optionsFor(file.format, options, context), context, range, texts);
    texts?.reuse();
    for await (const items of batches(READERS[file.format](read), () => texts?.reuse())) {
      context.progress({ documents: items.length });
      yield { items, cursor: { bytes: behind.bytes + read.bytes, records: behind.records + read.records } };
    }
    behind.bytes += read.bytes;
    behind.records += read.records;
    done({ part: index, sha256: read.digest(), size: read.size, records: read.records, lines: read.lines });
  }
}

/** The size is looked at before and the content hashed while reading: a file that changed under a plan is an error. */
export function checkUnchanged(file: InputFile): void {
  const found = statNow(file.path);
  if (found?.kind !== 'file') throw inputNotFound(file.name, file.path);
  if (found.size !== file.size)
    throw fingerprintMismatch(file.name, 'size', `${found.size} bytes`, `${file.size} bytes`);
}

/** Batches of a size: readers yield what a chunk of the file held, which may be thousands of documents or none. */
async function* batches(
  documents: AsyncIterable<readonly Document[]>,
  noneHeld: () => void,
): AsyncGenerator<Document[]> {
  let batch: Document[] = [];
  let bytes = 0;
  for await (const some of documents) {
    for (const [i, document] of some.entries()) {
      batch.push(document);
      bytes += bytesOf(document);
      // At the end of what a reader gave half is enough: a batch that never ended there would never let go of its memory.
      const share = i + 1 < some.length ? 1 : 1 / 2;
      // A text that is not held is there until its reader goes on: it must not wait for others.
      if (!document.long && batch.length < share * BATCH_DOCUMENTS && bytes < share * BATCH_BYTES) continue;
      yield batch;
      batch = [];
      bytes = 0;
    }
    if (batch.length === 0) noneHeld();
  }
  if (batch.length > 0) yield batch;
}
