import type { NoiseSettings } from '../config/index.ts';
import { BLOCK_SIZE, SHARD_BYTES } from '../core/limits.ts';
import type { Subset, Window } from '../core/window.ts';
import { groupOffsets, pairsOf, type Policies, policyOf } from '../mask/index.ts';

/** Pairs of positions at a distance of at least `from` and less than `to`, as a share of all pairs of two positions. */
export interface Coverage {
  readonly from: number;
  readonly to: number;
  readonly share: number;
}

/** Bytes of Arrow's own in a file, within 50 of it for the sample at windows of 128 to 64k. */
const FRAME = { shard: 2560, mask: 2058, doubledMask: 2122, noise: 1732, bits: 1400 } as const;
/** Ten columns of a segment (shard/schema.ts), and of a window its number, tokens and offset. */
const SEGMENT_BYTES = 40;
const WINDOW_BYTES = 12;
/** Of a window's mask: its number, policy, longest group, pairs and the offsets of two lists. */
const MASK_BYTES = 28;
/** Of a window in a pass: number, key and three offsets; of a unit its length, p and weight. */
const NOISE_BYTES = 24;
const UNIT_BYTES = 12;

/** Bytes of passes of noise. Blocks at the end of a document are half full on average. */
export function noiseFileBytes({ passes, bitsets, form }: NoiseSettings, stats: WindowStats): number {
  const { count, segments, groups, tokens } = stats;
  const blocks = tokens / form.blockTokens + segments / 2;
  const units = { window: count, document: segments, group: groups, block: blocks }[form.per];
  const contexts = form.contextAlpha > 0 ? 4 * (count + groups) : 0;
  const bits = bitsets ? count * (stats.windowLength / 8 + 8) + FRAME.bits : 0;
  return passes * (count * NOISE_BYTES + units * UNIT_BYTES + FRAME.noise + contexts + bits);
}

/** What windows are like, without keeping any. */
export class WindowStats {
  readonly windowLength: number;
  readonly #policies: Policies;
  readonly #perShard: number;
  readonly windows: Record<Subset, number> = { train: 0, validation: 0 };
  tokens = 0;
  segments = 0;
  groups = 0;
  shards = 0;
  /** (query, key) pairs: as the policies allow; as they would be inside documents, whole windows, and before it in its document. */
  readonly pairs = { planned: 0, document: 0, window: 0, causal: 0 };
  maskBytes = 0;
  /** [window length + 1]: attention groups, and windows by their longest one, by length. */
  readonly #groups: Float64Array;
  readonly #longest: Float64Array;
  #open: { split: number; subset: Subset; windows: number } | undefined;

  constructor(windowLength: number, policies: Policies) {
    this.windowLength = windowLength;
    this.#policies = policies;
    this.#perShard = Math.max(1, Math.floor(SHARD_BYTES / (windowLength * 4)));
    this.#groups = new Float64Array(windowLength + 1);
    this.#longest = new Float64Array(windowLength + 1);
  }

  /** A window of a split, in the order that they are written. */
  add(split: number, { subset, segments, numTokens }: Window): void {
    const policy = policyOf(this.#policies, segments);
    this.windows[subset]++;
    this.tokens += numTokens;
    this.segments += segments.length;
    for (const { length } of segments) {
      this.pairs.document += length ** 2;
      this.pairs.causal += (length * (length + 1)) / 2;
    }
    this.pairs.window += numTokens ** 2;
    const offsets = groupOffsets(segments, numTokens, this.windowLength, policy);
    let longest = 0;
    for (let g = 0; offsets[g]! < numTokens; g++) {
      const length = offsets[g + 1]! - offsets[g]!;
      this.groups++;
      this.pairs.planned += pairsOf(policy, length, this.#policies.diffusionBlock);
      this.#groups[length]!++;
      longest = Math.max(longest, length);
    }
    this.#longest[longest]!++;
    const ofBlock = policy === 'block-diffusion' ? 24 : 16;
    this.maskBytes += MASK_BYTES + ofBlock * Math.ceil(this.windowLength / BLOCK_SIZE) + 4 * offsets.length;
    this.#countShard(split, subset);
  }

  #countShard(split: number, subset: Subset): void {
    const open = this.#open;
    if (open?.split === split && open.subset === subset && open.windows < this.#perShard) open.windows++;
    else {
      this.#open = { split, subset, windows: 1 };
      this.shards++;
    }
  }

  get count(): number {
    return this.windows.train + this.windows.validation;
  }

  get fill(): number {
    return this.count === 0 ? 0 : this.tokens / (this.count * this.windowLength);
  }

  /** Bytes of the shards: 4 for each place of a window, and a little. */
  get shardBytes(): number {
    return (
      this.count * (this.windowLength * 4 + WINDOW_BYTES) + this.segments * SEGMENT_BYTES + this.shards * FRAME.shard
    );
  }

  get maskFileBytes(): number {
    return (
      this.maskBytes + this.shards * (this.#policies.policy === 'block-diffusion' ? FRAME.doubledMask : FRAME.mask)
    );
  }

  /** Share of windows whose longest group has more than `length` tokens. */
  longerThan(length: number): number {
    let longer = 0;
    for (let i = length + 1; i <= this.windowLength; i++) longer += this.#longest[i]!;
    return this.count === 0 ? 0 : longer / this.count;
  }

  /** How far apart the positions are that attend to each other, in powers of two. */
  coverage(): Coverage[] {
    const buckets: { from: number; to: number; pairs: number }[] = [];
    for (let from = 1; from < this.windowLength; from *= 2) {
      let pairs = 0;
      for (let length = from + 1; length <= this.windowLength; length++) {
        if (this.#groups[length] === 0) continue;
        const to = Math.min(from * 2, length);
        // Both ways: 2 (length - d) pairs at each distance d from `from` to below `to`.
        pairs += this.#groups[length]! * (to - from) * (2 * length - from - to + 1);
      }
      buckets.push({ from, to: from * 2, pairs });
    }
    const all = buckets.reduce((sum, { pairs }) => sum + pairs, 0);
    return buckets.map(({ from, to, pairs }) => ({ from, to, share: all === 0 ? 0 : pairs / all }));
  }
}
