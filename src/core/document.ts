import type { Subset } from './window.ts';

/** Where a document lies in the inputs of a plan. */
export interface Origin {
  /** Number of the input file in the plan. */
  readonly input: number;
  /** Number of the record, from 0, in this split's part of the file. */
  readonly record: number;
  /** Byte range of the record in the file (decompressed where it is compressed); row numbers for Parquet. */
  readonly start: number;
  readonly end: number;
}

/** What of a document's text a model is given, and what it is to write itself. */
export interface Prompt {
  /** Bytes at the start of the text that are the prompt: a token ends there. */
  readonly bytes: number;
  /** Ranges of the text that a chat template wrote, [start, end, start, end ...]: only there special tokens are special. */
  readonly written: readonly number[];
}

/** A raw document. Text stays UTF-8 bytes from the file to the token ids. */
export interface Document {
  readonly origin: Origin;
  /** The record's own id (`id_field`), if it has one. */
  readonly id: string | null;
  /** Valid UTF-8; empty where it is `long`. */
  readonly text: Uint8Array;
  readonly long?: LongText;
  readonly prompt?: Prompt;
  /** What it belongs to, such as its repository: equal for documents of one; 0n for one that is alone. */
  readonly group: bigint;
  /** SHA-256 of the text, or its first 16 bytes. */
  readonly hash: Uint8Array;
}

/** A text that is too long to be held: it is read from where it lies, each time anew. */
export interface LongText {
  readonly bytes: number;
  /** Valid UTF-8, cut anywhere. */
  chunks(): AsyncIterable<Uint8Array>;
}

export const bytesOf = ({ text, long }: Pick<Document, 'text' | 'long'>): number => long?.bytes ?? text.length;

/** Ids of tokens, [length]: an Int32Array, or something that has those of a long text elsewhere. */
export interface Ids {
  readonly length: number;
  /** Those of the tokens [start, end), to be read only. */
  subarray(start: number, end: number): Int32Array;
  /** They will not be asked for again. */
  release?(): void;
}

/** A document as token ids, before packing. */
export interface TokenRun {
  readonly document: Document;
  /** [tokens], without special tokens. */
  readonly ids: Ids;
  /** Tokens at the start that are the prompt. */
  readonly promptTokens?: number;
  /** What a mixture says of it; without one, `ONCE`. */
  readonly verdict?: Verdict;
}

/** How often a document is there. */
export interface Verdict {
  /** 0: dropped. */
  readonly copies: number;
  /** Why it is dropped; empty where it is not. */
  readonly dropped: string;
}

/** Of a document that no rule speaks of. */
export const ONCE: Verdict = { copies: 1, dropped: '' };

/** A row of the document table: where a document came from and what became of it. */
export interface DocumentRow extends Origin {
  readonly id: string | null;
  readonly source: string;
  readonly subset: Subset;
  /** UTF-8 bytes of the text. */
  readonly bytes: number;
  readonly tokens: number;
  /** Pieces it was cut into; 0: dropped. */
  readonly parts: number;
  /** How often each of the pieces is there; 0: dropped. */
  readonly copies: number;
  /** Why it, or a part of it, went nowhere; empty where nothing was dropped. */
  readonly dropped: string;
  /** Key of its attention group; 0n: it is alone. */
  readonly group: bigint;
  /** First 16 bytes of the SHA-256 of the text. */
  readonly hash: Uint8Array;
}

/** A record that could not become a document. */
export interface Reject {
  readonly input: number;
  readonly record: number;
  /** Line, from 0, in this split's part of a JSONL file; null for other formats. */
  readonly line: number | null;
  /** Byte offset in the (decompressed) file, or row number for Parquet. */
  readonly offset: number;
  readonly reason: RejectReason;
  /** One line for people. */
  readonly detail: string;
}

export const REJECT_REASONS = [
  'json-syntax',
  'not-an-object',
  'field-missing',
  'field-not-text',
  'invalid-utf8',
  'empty-text',
  'no-answer',
  'chat-template',
  'too-large',
  'special-token',
  'word-too-long',
] as const;
export type RejectReason = (typeof REJECT_REASONS)[number];
