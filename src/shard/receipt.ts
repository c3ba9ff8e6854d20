import type { NoiseRecord } from '../core/noise.ts';
import type { FileEntry, Ledger, ShardEntry } from './manifest.ts';

/** What one part of a split read of one input, to notice a file that changed under a plan. */
export interface SourceReceipt {
  readonly input: number;
  readonly start: number;
  readonly end: number;
  readonly records: number;
  readonly lines: number;
  /** Of the bytes read, as they lie on disk. */
  readonly sha256: string;
}

/** Written last for a split: everything it lists is complete, what no receipt lists does not exist. */
export interface Receipt {
  readonly plan: string;
  readonly split: number;
  readonly read: readonly SourceReceipt[];
  readonly documents: number;
  readonly windows: number;
  readonly shards: readonly ShardEntry[];
  readonly table: FileEntry | null;
  readonly tail: (FileEntry & { readonly pieces: number; readonly tokens: number }) | null;
  readonly rejects: (FileEntry & { readonly records: number }) | null;
  /** By source; tokens in the tail count as packed. */
  readonly ledger: Readonly<Record<string, Ledger>>;
}

/** Written last for an input that was cut while it was read, when all its splits have their receipts. */
export interface StreamReceipt {
  readonly plan: string;
  /** Number of its first split. */
  readonly split: number;
  /** It became this many, numbered from the first without a gap. */
  readonly splits: number;
  /** Of the file on disk. */
  readonly sha256: string;
}

/** Written last for a noise pass. */
export interface PassReceipt extends FileEntry {
  readonly plan: string;
  readonly pass: number;
  readonly seed: number;
  /** What it was made with, by the names of a pipeline file (core/noise.ts). */
  readonly settings: NoiseRecord;
  /** Record batches: windows in it, and its place in the file. */
  readonly batches: readonly { readonly windows: number; readonly offset: number; readonly bytes: number }[];
}

/** Written last for the bitsets of a pass. */
export interface BitsReceipt extends FileEntry {
  readonly plan: string;
  readonly pass: number;
  /** SHA-256 of the pass. */
  readonly of: string;
  /** Record batches: windows in it, and the byte offset of its `masked` values in the file. */
  readonly batches: readonly { readonly windows: number; readonly offset: number }[];
}

/** Written last for a table of masks that `prep mask` made: everything that decides its bytes, and its files. */
export interface MaskReceipt {
  readonly plan: string;
  /** Of its folder in masks/. */
  readonly name: string;
  /** Of all windows, or the one that is gone over to. */
  readonly policy: string;
  /** Under `block-diffusion`, else null. */
  readonly diffusionBlock: number | null;
  readonly anneal: {
    readonly from: 'eod' | 'direct';
    readonly until: number;
    readonly epochs: number;
    readonly seed: number;
    readonly epoch: number;
  } | null;
  /** By policy. */
  readonly windows: Readonly<Record<string, number>>;
  /** One for each shard, in their order. */
  readonly files: readonly FileEntry[];
}

export const receiptPath = (split: number): string => `receipts/${String(split).padStart(5, '0')}.json`;
/** `split` is the first one. */
export const streamReceiptPath = (split: number): string => `receipts/${String(split).padStart(5, '0')}-end.json`;
export const passName = (pass: number): string => `pass-${String(pass).padStart(3, '0')}`;
export const passReceiptPath = (pass: number): string => `receipts/noise-${passName(pass)}.json`;
export const passPath = (pass: number): string => `noise/${passName(pass)}.arrow`;
export const bitsPath = (pass: number): string => `noise/${passName(pass)}-bits.arrow`;
export const bitsReceiptPath = (pass: number): string => `receipts/noise-${passName(pass)}-bits.json`;
export const maskReceiptPath = (name: string): string => `receipts/mask-${name}.json`;
/** The file of a shard's masks in a table: it has the shard's name. */
export const maskPath = (name: string, { path }: Pick<FileEntry, 'path'>): string =>
  `masks/${name}/${path.slice(path.lastIndexOf('/') + 1)}`;
export const MANIFEST = 'manifest.json';
export const PLAN = 'plan.json';
