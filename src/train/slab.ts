import type { Masker } from '../noise/index.ts';
import type { NoiseRow, WindowRecord } from '../shard/index.ts';
import type { TokenRow } from './model/model.ts';

/**
 * Windows with their noise, laid end to end: what one forward and backward pass takes. Padding is left out, positions
 * start again at each window, and attention stays in the windows' groups, so it is the same as window by window, in
 * fewer and larger operations.
 */
export interface Slab extends TokenRow {
  /** `ids` is xt: the mask id at masked positions. */
  readonly ids: Int32Array;
  /** [masked]: where the masked tokens are. */
  readonly masked: Int32Array;
  /** [masked]: their ids before masking (x0). */
  readonly targets: Int32Array;
  /** [masked]: their loss weights. */
  readonly weights: Float32Array;
}

/** Prompts are never masked (docs/format.md). */
export function layOut(
  windows: readonly { readonly record: WindowRecord; readonly noise: NoiseRow }[],
  maskTokenId: number,
  masker: Masker,
): Slab {
  const tokens = windows.reduce((sum, { record }) => sum + record.numTokens, 0);
  const ids = new Int32Array(tokens);
  const positions = new Int32Array(tokens);
  const groupOffsets = [0];
  const masked: number[] = [];
  const targets: number[] = [];
  const weights: number[] = [];
  let base = 0;
  for (const { record, noise } of windows) {
    const isMasked = masker.mask(noise, record.segments);
    const factors = noise.contextWeight;
    const { cuSeqlens } = record.mask;
    let group = 0;
    let unit = 0;
    let unitEnd = noise.unitLengths[0] ?? 0;
    for (let i = 0; i < record.numTokens; i++) {
      while (i >= unitEnd && unit + 1 < noise.unitLengths.length) unitEnd += noise.unitLengths[++unit]!;
      const id = record.inputIds[i]!;
      ids[base + i] = isMasked[i] ? maskTokenId : id;
      positions[base + i] = i;
      if (!isMasked[i]) continue;
      masked.push(base + i);
      targets.push(id);
      while (i >= cuSeqlens[group + 1]!) group++;
      weights.push(factors ? noise.weight[unit]! * factors[group]! : noise.weight[unit]!);
    }
    for (const offset of cuSeqlens.subarray(1)) {
      const end = base + Math.min(offset, record.numTokens);
      if (end > groupOffsets.at(-1)!) groupOffsets.push(end);
    }
    base += record.numTokens;
  }
  return {
    ids,
    positions,
    groupOffsets: Int32Array.from(groupOffsets),
    masked: Int32Array.from(masked),
    targets: Int32Array.from(targets),
    weights: Float32Array.from(weights),
  };
}

/** Items in order, in runs of at most `limit` tokens (or one item). */
export function inSlabs<T extends { readonly record: { readonly numTokens: number } }>(
  items: readonly T[],
  limit: number,
): T[][] {
  const slabs: T[][] = [];
  let room = 0;
  for (const item of items) {
    if (slabs.length === 0 || item.record.numTokens > room) {
      slabs.push([]);
      room = limit;
    }
    slabs.at(-1)!.push(item);
    room -= item.record.numTokens;
  }
  return slabs;
}
