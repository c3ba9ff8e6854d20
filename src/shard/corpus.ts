import type { NoiseForm } from '../core/noise.ts';
import type { BlockMask, Segment, Subset } from '../core/window.ts';
import type { Manifest } from './manifest.ts';

/** What stands in a window, without its ids. */
export interface WindowLayout {
  /** Global number: base offset of the split + number in the split. */
  readonly window: number;
  readonly subset: Subset;
  readonly numTokens: number;
  readonly segments: readonly Segment[];
  readonly mask: BlockMask;
}

/** One window as a trainer wants it. */
export interface WindowRecord extends WindowLayout {
  /** [window length] int32, padded at the end only. */
  readonly inputIds: Int32Array;
}

/** One window's row of a noise pass. */
export interface NoiseRow {
  readonly window: number;
  /** Lengths of the units that share a t, from the start of the window; together `numTokens`, or fewer where it was cut. */
  readonly unitLengths: Int32Array;
  /** Mask probability of each unit, k / 2^24. */
  readonly p: Float32Array;
  /** Loss weight of each unit's masked tokens (LLaDA: 1 / p); 0 where none can be masked. */
  readonly weight: Float32Array;
  /** Philox key of the masked positions. */
  readonly key: readonly [number, number];
  /** Factor of the weights in each attention group but the padding's; null: the pass has none. */
  readonly contextWeight: Float32Array | null;
}

/** Windows by their global numbers. */
export interface Windows {
  /** With `into`, [window length], the ids go there: fresh memory for them takes four times as long as reading them. */
  read(window: number, into?: Int32Array): Promise<WindowRecord>;
  /** The same without reading the ids. */
  layout(window: number): Promise<WindowLayout>;
  /** The ids alone, [window length], into memory of the caller's: one blocking read, no copy but it, no allocation. */
  readIds(window: number, into: Int32Array): void;
}

/** A finished corpus folder, opened for reading. */
export interface Corpus extends Windows {
  readonly dir: string;
  readonly manifest: Manifest;
  /** Global numbers of a subset's windows, ascending. */
  numbers(subset: Subset): Int32Array;
  /** The same windows with the masks of an epoch, where they anneal. */
  inEpoch(epoch: number): Windows;
  /** Tokens in a block, where a window's policy is block diffusion. */
  readonly diffusionBlock: number;
  /** Number of noise passes. */
  readonly passes: number;
  noise(pass: number): Promise<NoisePass>;
  close(): Promise<void>;
}

/** A noise pass, opened: its rows by window, and the settings it was made with. */
export interface NoisePass {
  readonly pass: number;
  readonly form: NoiseForm;
  row(window: number): NoiseRow;
}
