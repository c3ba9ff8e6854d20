import { Message, type Schema } from 'apache-arrow';
import { inputMalformed, inputTruncated, isPrepError, messageOf } from '../core/errors.ts';
import { MAX_METADATA_BYTES } from '../core/limits.ts';
import { openForRead, type ReadHandle } from '../io/files.ts';
import { checkMessage } from './arrow-metadata.ts';
import { batchesIn, schemaIn } from './arrow-footer.ts';
import type { InputFile } from './input.ts';

/** A message as it lies in the file, from its length to the end of its body. */
interface Placed {
  readonly start: number;
  readonly end: number;
}

export interface RecordBatchPlace extends Placed {
  readonly firstRow: number;
  readonly rows: number;
}

/** An Arrow IPC file, opened: its messages found, their sizes checked against the file. */
export interface ArrowFile {
  readonly batches: readonly RecordBatchPlace[];
  /** The message with the schema. */
  readonly schema: Uint8Array;
  /** The dictionaries before a record batch. */
  before(batch: number): readonly Placed[];
  read(place: Placed): Promise<Uint8Array>;
  close(): Promise<void>;
}

const MAGIC = 'ARROW1';
/** A record batch is in memory whole. */
const LARGEST_BATCH = 2 * 1024 * 1024 * 1024;

/**
 * Finds the messages of an Arrow IPC file, of either form: the stream's, as Hugging Face `datasets` writes it, and the file's,
 * which is a stream between two magic words and a footer. Costs two small reads a message. A stream must have its end mark:
 * without it one that was cut between two messages would be a shorter one.
 */
export async function openArrow(file: InputFile): Promise<ArrowFile> {
  const handle = await openForRead(file.path);
  try {
    const { start, end, footer } = await frameOf(file, handle);
    let schema = footer && schemaIn(footer);
    const dictionaries: Placed[] = [];
    const batches: RecordBatchPlace[] = [];
    let rows = 0;
    let ended = false;
    for (let at = start; at < end && !ended;) {
      const message = await messageAt(file, handle, at, end);
      ended = message === null;
      if (message === null) {
        if (at + 8 !== end)
          throw inputMalformed(file.name, `byte ${at + 8}`, 'something follows the end of the stream');
        break;
      }
      const place = { start: at, end: message.end };
      at = message.end;
      // A file's is in its footer; arrow-js leaves the other out.
      if (message.kind === 'schema' && place.start === start) schema ??= await handle.read(start, at - start);
      else if (message.kind === 'dictionary' && schema && idsIn(schema).has(message.id)) dictionaries.push(place);
      else if (message.kind === 'batch' && schema) {
        batches.push({ ...place, firstRow: rows, rows: message.rows });
        rows += message.rows;
      } else
        throw inputMalformed(file.name, `byte ${place.start}`, `a message of type ${message.type} cannot stand there`);
    }
    if (!ended && !isFileForm(start)) throw inputTruncated(file.name, handle.size, 'the stream has no end mark');
    if (footer && String(batchesIn(footer)) !== String(batches.map((batch) => batch.start)))
      throw inputMalformed(file.name, `byte ${end}`, 'the footer lists other record batches than there are');
    if (!schema) throw inputMalformed(file.name, `byte ${start}`, 'no schema');
    return {
      batches,
      schema,
      // In a file dictionaries may follow the batches they are for; in a stream they may be replaced.
      before: (batch) => dictionaries.filter((place) => isFileForm(start) || place.start < batches[batch]!.start),
      read: (place) => handle.read(place.start, place.end - place.start),
      close: () => handle.close(),
    };
  } catch (error) {
    await handle.close();
    throw isPrepError(error) ? error : inputMalformed(file.name, 'its messages', messageOf(error));
  }
}

const isFileForm = (start: number): boolean => start > 0;
const latin1 = (bytes: Uint8Array): string => new TextDecoder('latin1').decode(bytes);

/** Where the messages are. */
async function frameOf(file: InputFile, handle: ReadHandle): Promise<Placed & { footer: Uint8Array | null }> {
  const { size } = handle;
  if (size < 8) throw inputTruncated(file.name, size, 'smaller than any Arrow file');
  if (latin1(await handle.read(0, MAGIC.length)) !== MAGIC) return { start: 0, end: size, footer: null };
  const tail = size < 8 + 10 ? null : await handle.read(size - 10, 10);
  if (tail === null || latin1(tail.subarray(4)) !== MAGIC)
    throw inputTruncated(file.name, size, 'no Arrow footer at its end');
  const footer = new DataView(tail.buffer).getInt32(0, true);
  if (!(footer > 0 && footer <= Math.min(MAX_METADATA_BYTES, size - 18)))
    throw inputMalformed(file.name, `byte ${size - 10}`, `a footer of ${footer} bytes cannot be`);
  const end = size - 10 - footer;
  return { start: 8, end, footer: await handle.read(end, size - end) };
}

/** Ids of the dictionaries of a schema. */
const idsIn = (schema: Uint8Array): ReadonlyMap<number, unknown> =>
  (Message.decode(schema.subarray(schema[0] === 0xff ? 8 : 4)).header() as Schema).dictionaries;

type Found =
  | { readonly kind: 'schema' | 'other'; readonly type: number; readonly end: number }
  | { readonly kind: 'dictionary'; readonly type: number; readonly end: number; readonly id: number }
  | { readonly kind: 'batch'; readonly type: number; readonly end: number; readonly rows: number };

/** The message at an offset; null for the mark that ends the stream. */
async function messageAt(file: InputFile, handle: ReadHandle, at: number, end: number): Promise<Found | null> {
  const cut = (what: string) => inputTruncated(file.name, handle.size, `${what} at byte ${at} is not complete`);
  if (end - at < 8) throw cut('the message');
  const words = new DataView((await handle.read(at, 8)).buffer);
  // Before Arrow 0.15 the length stood alone.
  const marked = words.getUint32(0, true) === 0xffffffff;
  const length = words.getInt32(marked ? 4 : 0, true);
  const from = at + (marked ? 8 : 4);
  if (length === 0) return null;
  if (length < 0 || length > MAX_METADATA_BYTES)
    throw inputMalformed(file.name, `byte ${at}`, `a message of ${length} bytes cannot be`);
  if (from + length > end) throw cut('the message');
  const metadata = await handle.read(from, length);
  const body = checkMessage(metadata, LARGEST_BATCH);
  if (from + length + body > end) throw cut('the record batch');
  const message = Message.decode(metadata);
  const place = { type: message.headerType, end: from + length + body };
  if (message.isSchema()) return { ...place, kind: 'schema' };
  if (!message.isRecordBatch() && !message.isDictionaryBatch()) return { ...place, kind: 'other' };
  const batch = message.isRecordBatch() ? message.header() : message.header().data;
  if (batch.compression)
    throw inputMalformed(
      file.name,
      `byte ${at}`,
      'its buffers are compressed, which is not read here: write it without, or Parquet',
    );
  const rows = batch.length;
  return message.isDictionaryBatch()
    ? { ...place, kind: 'dictionary', id: message.header().id }
    : { ...place, kind: 'batch', rows };
}
