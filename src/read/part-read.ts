import type { Document, LongText, Prompt, RejectReason } from '../core/document.ts';
import { inputMalformed } from '../core/errors.ts';
import type { Slab } from '../core/slab.ts';
import type { Room, StageContext } from '../core/stage.ts';
import { type Hasher, hasher, sha256Bytes } from '../io/hash.ts';
import type { InputFile, Part } from './input.ts';

/** What can be chosen about reading. */
export interface ReadOptions {
  /** Member or column with the text; a dotted path goes into objects, a name that has dots itself comes first. */
  readonly textField: string;
  readonly idField: string | null;
  /** Member or column with what a document belongs to; null: they are all alone. */
  readonly groupField: string | null;
  /** A record larger than this is set aside. */
  readonly documentBytes: number;
  /** A text file or a record larger than this is not held (text.ts and long-record.ts have defaults): it changes no byte of what is made. */
  readonly longBytes?: number;
  /** What a record is, where it is not a text: `textField` is not looked at then. */
  readonly form?: RecordForm;
}

/** A record that is more than a text: supervised fine-tuning. */
export type RecordForm =
  | { readonly format: 'prompt-response'; readonly prompt: string; readonly response: string }
  | {
      readonly format: 'messages';
      readonly messages: string;
      /** A chat template, in Jinja, and the special tokens it may name. */
      readonly template: string;
      readonly tokens: Readonly<Record<string, string>>;
    };

/** What a record gives. */
export interface Taken {
  readonly text: Uint8Array;
  readonly id: string | null;
  readonly prompt?: Prompt;
  /** What it belongs to (group.ts). */
  readonly group?: bigint;
}

/** The same of a text that is not held. */
export interface TakenLong extends Omit<Taken, 'text' | 'prompt'> {
  readonly long: LongText;
  /** Its SHA-256. */
  readonly hash: Uint8Array;
}

/** The bytes of a range, and once they have been read, whether the file ends with them. */
export interface Content {
  readonly chunks: AsyncIterable<Uint8Array>;
  last(): boolean;
}

/** A record that will not become a document, and why. */
export interface Refusal {
  readonly reason: RejectReason;
  readonly detail: string;
}

const NO_TEXT = new Uint8Array(0);

/** A wrong --field rejects every record: after this many at the start of an input the run stops and says so. */
const FIELD_TRIES = 100;
/** The same of a file in which no record is a document, for whatever reason. */
const RECORD_TRIES = 1000;

/** One part being read: what its reader reports to. Records are numbered here, in the order they are reported. */
export class PartRead {
  readonly file: InputFile;
  readonly part: Part;
  readonly options: ReadOptions;
  /** Records so far, rejected ones included. */
  records = 0;
  /** Lines so far, where the format has them. */
  lines = 0;
  /** Bytes that were hashed. */
  size = 0;
  /** Bytes on disk that are behind the reader. */
  bytes = 0;
  /** What the part is read from, where somebody else reads the file: a range of it, decompressed. */
  readonly content: Content | null;
  /** Where texts may lie: the memory is used again when nobody holds a document. */
  readonly texts: Slab<Uint8Array<ArrayBuffer>> | undefined;
  private readonly context: StageContext;
  private readonly hash: Hasher = hasher();
  private accepted = 0;
  private missing = 0;

  constructor(
    file: InputFile,
    part: Part,
    options: ReadOptions,
    context: StageContext,
    content: Content | null = null,
    texts?: Slab<Uint8Array<ArrayBuffer>>,
  ) {
    this.content = content;
    this.texts = texts;
    this.file = file;
    this.part = part;
    this.options = options;
    this.context = context;
  }

  /** Whether the file ends with this part: known when it has been read. */
  get last(): boolean {
    return this.content?.last() ?? true;
  }

  /** Counts `bytes` on disk as behind us; the progress shows them. */
  passed(bytes: number): void {
    this.bytes += bytes;
    this.context.progress({ bytes });
  }

  /** Adds bytes, as they lie on disk, to the hash of the part. */
  hashed(bytes: Uint8Array): void {
    this.size += bytes.length;
    this.hash.update(bytes);
  }

  digest(): string {
    return this.hash.digest();
  }

  /** Room for texts outside of memory, where whoever reads has some. */
  get room(): (() => Promise<Room>) | undefined {
    return this.context.room;
  }

  acceptAny(start: number, end: number, taken: Taken | TakenLong): Document {
    return 'long' in taken ? this.acceptLong(start, end, taken) : this.accept(start, end, taken);
  }

  /** Of a text that is not held, whose hash is known already. */
  acceptLong(start: number, end: number, { id, long, hash, group = 0n }: TakenLong): Document {
    this.accepted++;
    const origin = { input: this.part.input, record: this.records++, start, end };
    return { origin, id, text: NO_TEXT, long, group, hash };
  }

  accept(start: number, end: number, { id, text, prompt, group = 0n }: Taken): Document {
    this.accepted++;
    const origin = { input: this.part.input, record: this.records++, start, end };
    const document = { origin, id, text, group, hash: sha256Bytes(text) };
    return prompt === undefined ? document : { ...document, prompt };
  }

  reject(offset: number, { reason, detail }: Refusal): void {
    const record = this.records++;
    if (reason === 'field-missing') this.missing += 1;
    // Further on an input has shown that it can be read: what is set aside there is for --max-rejects to judge.
    if (this.part.start === 0) this.#checkTries(record, detail);
    this.context.reject({
      input: this.part.input,
      record,
      line: this.lines === 0 ? null : this.lines - 1,
      offset,
      reason,
      detail,
    });
  }

  #checkTries(record: number, detail: string): void {
    if (this.records === FIELD_TRIES && this.missing === FIELD_TRIES)
      throw inputMalformed(
        this.file.name,
        `records 0 to ${FIELD_TRIES - 1}`,
        `${detail}, and so it is with all of them, whatever --max-rejects allows: give the right one with --field`,
      );
    if (this.records === RECORD_TRIES && this.accepted === 0)
      throw inputMalformed(
        this.file.name,
        `record ${record}`,
        `none of the first ${RECORD_TRIES} records is a document, whatever --max-rejects allows: ${detail}`,
      );
  }
}

/** Reads the documents of one part, some at a time. */
export type PartReader = (read: PartRead) => AsyncGenerator<Document[]>;
