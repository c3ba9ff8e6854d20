import type { Json } from '../core/fingerprint.ts';
import type { Subset } from '../core/window.ts';

/** Version of everything in docs/format.md; part of every plan's id. */
export const FORMAT = 'ultraprep/1';

/** Ids with a meaning, `null` where the tokenizer has none. */
export interface SpecialIds {
  readonly mask: number;
  readonly bos: number | null;
  readonly eos: number | null;
  readonly pad: number;
}

export interface TokenizerInfo {
  /** SHA-256 of tokenizer.json. */
  readonly sha256: string;
  /** Rows an embedding needs: largest id + 1, special ids included. */
  readonly vocabSize: number;
  readonly specialIds: SpecialIds;
}

/** A committed file: what is not listed in a receipt or the manifest does not exist. */
export interface FileEntry {
  /** Relative to the corpus folder, `/` between names. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
}

/** A shard: windows of one split and one subset, numbered in a row. */
export interface ShardEntry extends FileEntry {
  readonly subset: Subset;
  /** Number of the first window, in the split. */
  readonly firstWindow: number;
  readonly windows: number;
  /** Record batches: windows in it, and the byte offset of its `input_ids` values (int32, little-endian) in the file. */
  readonly batches: readonly { readonly windows: number; readonly offset: number }[];
  readonly mask: FileEntry;
}

/** Documents and tokens by what became of them. `read + repeated + inserted = packed + sum(dropped)`. */
export interface Ledger {
  readonly documents: {
    readonly read: number;
    readonly packed: number;
    readonly dropped: Readonly<Record<string, number>>;
  };
  readonly tokens: {
    readonly read: number;
    /** Of the second and later copies of documents that are there more than once. */
    readonly repeated: number;
    readonly inserted: number;
    readonly packed: number;
    readonly dropped: Readonly<Record<string, number>>;
  };
  /** UTF-8 bytes of text read. */
  readonly bytes: number;
  readonly rejected: Readonly<Record<string, number>>;
}

/** One split in the manifest; the last one holds the windows made from the tails. */
export interface SplitEntry {
  readonly split: number;
  /** Global number of its first window and document. */
  readonly firstWindow: number;
  readonly windows: number;
  readonly firstDocument: number;
  readonly documents: number;
  readonly shards: readonly ShardEntry[];
  /** documents/NNNNN.arrow; null for the split of the tails. */
  readonly table: FileEntry | null;
}

export interface Manifest {
  readonly format: typeof FORMAT;
  /** Id of the plan: everything here follows from it. */
  readonly plan: string;
  readonly version: string;
  readonly name: string;
  readonly windowLength: number;
  readonly policy: string;
  readonly seed: number;
  readonly tokenizer: TokenizerInfo;
  readonly windows: Readonly<Record<Subset, number>>;
  readonly ledger: Ledger;
  readonly ledgerBySource: Readonly<Record<string, Ledger>>;
  readonly splits: readonly SplitEntry[];
  readonly rejects: FileEntry | null;
  /** Epoch e reads the training windows in the order `permutation(windows, seed, e)` (core/random). */
  readonly order: { readonly method: 'argsort-philox4x32-10'; readonly seed: number };
  /** The resolved pipeline, as the plan has it. */
  readonly config: Json;
}
