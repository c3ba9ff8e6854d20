/** Which pairs of ids merge, at what rank, and to what: the tables of kernel/merge.as.ts. `merges` are left, right and id a rank. */

/** A pair's slot has 22 bits for its rank + 1, and 21 for each id (file.ts allows no more). */
export const MAX_RANKS = 2 ** 22 - 1;
/** Buckets of four pairs, so that 37 to 75 % of their places are taken: 2 MiB for Qwen's 151,387 merges. */
const BUCKETS_A_MERGE = 1 / 3;
/**
 * Of the filter before the buckets, so that one in 5 to 10 of the pairs that do not merge passes: 128 KiB for Qwen's, which stay
 * close to the processor where 2 MiB do not.
 */
const BITS_A_MERGE = 5;
/** A table whose hash takes longer than this for one entry is made to: real files take 20 at the most. */
export const MOST_PROBES = 256;

export const powerOfTwo = (least: number): number => 2 ** Math.ceil(Math.log2(Math.max(2, least)));

/** How many buckets and how many bits, as a power of two, so many merges need. */
export const pairRoom = (ranks: number): { buckets: number; bits: number } => ({
  buckets: powerOfTwo(ranks * BUCKETS_A_MERGE),
  bits: Math.log2(powerOfTwo(Math.max(32, ranks * BITS_A_MERGE))),
});

/** Buckets take the lower bits of it, the filter the upper ones. */
function hashOf(left: number, right: number): number {
  const hash = (Math.imul(left, 0x9e3779b1) + Math.imul(right, 0x85ebca6b)) >>> 0;
  return Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35) >>> 0;
}

/** Buckets; false where they collide too much. Of a pair that is listed twice the later rank holds, as in the reference. */
export function fillPairs(u32: Uint32Array, at: number, mask: number, merges: Int32Array): boolean {
  for (let rank = 0; rank * 3 < merges.length; rank++) {
    const left = merges[rank * 3]!;
    const right = merges[rank * 3 + 1]!;
    const hash = hashOf(left, right);
    // Slots of u64: 22 bits of rank + 1, 21 of left, 21 of right.
    const low = (left & 0x3ff) << 22;
    const high = ((left >>> 10) | (right << 11)) >>> 0;
    const last = at + mask * 8 + 6;
    let slot = at + ((hash ^ (hash >>> 13)) & mask) * 8;
    let tries = 0;
    while (u32[slot] !== 0 && (((u32[slot]! ^ low) & ~MAX_RANKS) !== 0 || u32[slot + 1] !== high)) {
      if (++tries > MOST_PROBES) return false;
      slot = slot === last ? at : slot + 2;
    }
    u32[slot] = low | (rank + 1);
    u32[slot + 1] = high;
  }
  return true;
}

/** A bit for each pair. */
export function fillFilter(u32: Uint32Array, at: number, bits: number, merges: Int32Array): void {
  for (let rank = 0; rank * 3 < merges.length; rank++) {
    const bit = hashOf(merges[rank * 3]!, merges[rank * 3 + 1]!) >>> (32 - bits);
    u32[at + (bit >>> 5)]! |= 1 << (bit & 31);
  }
}

/** The first merges of every word are of two bytes: 256 KiB, of which few are used. */
export function fillBytePairs(u32: Uint32Array, at: number, byteIds: Int32Array, merges: Int32Array): void {
  const byteOf = new Map(Array.from(byteIds, (id, byte) => [id, byte]));
  for (let rank = 0; rank * 3 < merges.length; rank++) {
    const left = byteOf.get(merges[rank * 3]!);
    if (left === undefined) continue;
    const right = byteOf.get(merges[rank * 3 + 1]!);
    if (right !== undefined) u32[at + ((left << 8) | right)] = rank + 1;
  }
}

/** The id that the first merge makes, where each makes the one after the last one's, as in most real files; else 0. */
export function firstMerged(merges: Int32Array): number {
  for (let rank = 0; rank * 3 < merges.length; rank++) if (merges[rank * 3 + 2] !== merges[2]! + rank) return 0;
  return merges[2] ?? 0;
}
