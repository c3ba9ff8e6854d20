/** `train` or `validation`: a held-out document shares no window with a training one. */
export const SUBSETS = ['train', 'validation'] as const;
export type Subset = (typeof SUBSETS)[number];

/** The part of a document that lies in one window. `split` and `document` together identify the document. */
export interface Segment {
  /** First token, in the window. */
  readonly start: number;
  /** Tokens, a separator (EOD) that follows the document included. */
  readonly length: number;
  readonly split: number;
  /** Row in that split's table in documents/. */
  readonly document: number;
  readonly source: string;
  /** First token of this part, in the document. */
  readonly documentOffset: number;
  /** Part k (from 0) of a document that was cut. */
  readonly part: number;
  /** Attention group in the window: segments of one group see each other. */
  readonly group: number;
  /** Tokens at the start of the segment that are a prompt: never masked. */
  readonly promptTokens: number;
}

/** A run of tokens that goes into one window whole: a document, or one part of a document longer than the window. */
export interface Piece extends Omit<Segment, 'start' | 'length' | 'group'> {
  /** [length], the separator included. */
  readonly ids: Int32Array;
  readonly subset: Subset;
  /** Which copy of its document it is of, from 0: two copies share no window, as far as lanes go (pack/lanes.ts). */
  readonly copy: number;
  /** Key of its attention group: pieces of one lie side by side; 0n: it is alone. */
  readonly key: bigint;
}

/** A packed window. */
export interface Window {
  /** Number in the split. */
  readonly index: number;
  readonly subset: Subset;
  /** [window length], padded at the end only. */
  readonly inputIds: Int32Array;
  /** Real tokens; padding is known by this offset, never by id. */
  readonly numTokens: number;
  /** Contiguous from 0, together `numTokens` long. */
  readonly segments: readonly Segment[];
}

/** Attention mask of one window in its stored form (docs/format.md). */
export interface BlockMask {
  /** Name of the boundary policy it is of. */
  readonly policy: string;
  /** Attention-group offsets, [groups + 1], the padding's group included: covers the whole window. */
  readonly cuSeqlens: Int32Array;
  /** Longest group. */
  readonly maxSeqlen: number;
  /**
   * [ceil(window length / 128) x 4]: any-first, any-end, full-first, full-end key block of each query block; under block
   * diffusion [window length / 128 x 12] int16 (mask/doubled.ts).
   */
  readonly blockMask: Int32Array | Int16Array;
  /** (query, key) pairs of real tokens that the policy allows. */
  readonly allowedPairs: number;
}

export interface MaskedWindow {
  readonly window: Window;
  readonly mask: BlockMask;
}
