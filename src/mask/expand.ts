/** A stored mask as kernels want it. Everything here is made of the offsets and ranges alone. */
import type { BlockMask, Segment } from '../core/window.ts';
import { DOUBLED_RANGES } from './doubled.ts';
import { POLICIES, type Policy } from './policy.ts';
import { RANGES } from './ranges.ts';

/** For `flash_attn_varlen_func`: attention inside groups, bidirectional or causal. */
export interface Varlen {
  /** [groups + 1] */
  readonly cuSeqlens: Int32Array;
  readonly maxSeqlen: number;
  readonly causal: boolean;
}

/** Null under block diffusion, whose rows see two intervals. */
export function varlen({ cuSeqlens, maxSeqlen, policy }: BlockMask): Varlen | null {
  const { attention } = POLICIES[policy as Policy];
  return attention === 'block-diffusion' ? null : { cuSeqlens, maxSeqlen, causal: attention === 'causal' };
}

/** [T] number of the segment that each token is of; -1 for padding. */
export function documentIds(segments: readonly Segment[], windowLength: number): Int32Array {
  const ids = new Int32Array(windowLength).fill(-1);
  for (const [i, { start, length }] of segments.entries()) ids.fill(i, start, start + length);
  return ids;
}

/** [T] positions: from 0 in each attention group, or through the window where the policy says so. */
export function positionIds({ cuSeqlens, policy }: Pick<BlockMask, 'cuSeqlens' | 'policy'>): Int32Array {
  const ids = new Int32Array(cuSeqlens.at(-1) ?? 0);
  const restart = POLICIES[policy as Policy].positions === 'restart';
  for (let g = 0; g + 1 < cuSeqlens.length; g++)
    for (let i = cuSeqlens[g]!; i < cuSeqlens[g + 1]!; i++) ids[i] = restart ? i - cuSeqlens[g]! : i;
  return ids;
}

/** Blocks by row: of row r the first `num[r]` of `indices[r * columns]` on; the rest of a row is 0. */
export interface BlockLists {
  /** [rows] */
  readonly num: Int32Array;
  /** [rows x columns] */
  readonly indices: Int32Array;
}

/** FlexAttention's tensors without their batch and head: `kv` and `q` hold the partial blocks, as `from_kv_blocks` takes them. */
export interface FlexBlocks {
  /** Blocks of 128 in the sequence: rows and columns of each. */
  readonly blocks: number;
  readonly kv: BlockLists;
  readonly fullKv: BlockLists;
  readonly q: BlockLists;
  readonly fullQ: BlockLists;
}

/** Four lists of T / 128 rows and columns, twice as many under block diffusion: 4 MiB each at 131072 tokens, or 16. */
export function flexBlocks(mask: Pick<BlockMask, 'blockMask' | 'policy'>): FlexBlocks {
  const { attention } = POLICIES[mask.policy as Policy];
  const doubled = attention === 'block-diffusion';
  const half = mask.blockMask.length / (doubled ? DOUBLED_RANGES : RANGES);
  const blocks = doubled ? 2 * half : half;
  const [kv, fullKv, q, fullQ] = [listsFor(blocks), listsFor(blocks), listsFor(blocks), listsFor(blocks)];
  // Queries ascend, and so do the keys of each: so do all lists.
  const add = (query: number, base: number, at: number): void => {
    const [first, end, fullFirst, fullEnd] = mask.blockMask.subarray(at, at + RANGES) as unknown as number[];
    for (let key = first!; key < end!; key++) {
      const full = key >= fullFirst! && key < fullEnd!;
      push(full ? fullKv : kv, blocks, query, base + key);
      push(full ? fullQ : q, blocks, base + key, query);
    }
  };
  for (let query = 0; query < blocks; query++) {
    const at = (query % half) * (doubled ? DOUBLED_RANGES : RANGES);
    if (query >= half) add(query, half, at + 2 * RANGES);
    else {
      add(query, 0, at);
      if (doubled) add(query, half, at + RANGES);
    }
  }
  return { blocks, kv, fullKv, q, fullQ };
}

const listsFor = (blocks: number): BlockLists => ({
  num: new Int32Array(blocks),
  indices: new Int32Array(blocks * blocks),
});

function push({ num, indices }: BlockLists, columns: number, row: number, block: number): void {
  indices[row * columns + num[row]!] = block;
  num[row]!++;
}
