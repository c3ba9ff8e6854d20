/** Byte-pair merges: lowest rank first, leftmost among equals, as the reference does. */
import { byteIds, bytePairs, filterBits, firstMerged, merged, pairFilter, pairMask, pairs, scratch } from './layout.as';

/** Up to this many parts the lowest rank is looked for among all of them; above, a heap keeps them. */
const FEW: u32 = 64;

/**
 * Rank + 1 of a pair of ids, 0: they do not merge. Buckets of four u64, left and right of 21 bits and rank + 1 of 22: one cache
 * line is looked at without a branch, as which of them it is, if any, is anybody's guess.
 */
// @ts-ignore: decorator
@inline
function rankOf(left: u32, right: u32): u32 {
  let hash = left * 0x9e3779b1 + right * 0x85ebca6b;
  hash ^= hash >>> 15;
  hash *= 0xc2b2ae35;
  let bucket = (hash ^ (hash >>> 13)) & pairMask;
  const key = i64x2.splat(<i64>(<u64>left | (<u64>right << 21)));
  // A pair that the filter does not know is looked for in the empty bucket behind it, without a branch here either.
  const bit = hash >>> (32 - filterBits);
  const maybe = (load<u32>(pairFilter + ((bit >>> 5) << 2)) >>> (bit & 31)) & 1;
  const none = pairFilter + ((<usize>1) << (filterBits - 3));
  while (true) {
    const at = select<usize>(pairs + (<usize>bucket << 5), none, maybe != 0);
    const low = v128.load(at);
    const high = v128.load(at, 16);
    const found = v128.or(
      v128.and(low, i64x2.eq(i64x2.shr_u(low, 22), key)),
      v128.and(high, i64x2.eq(i64x2.shr_u(high, 22), key)),
    );
    const rank = <u32>(i64x2.extract_lane(found, 0) | i64x2.extract_lane(found, 1)) & 0x3fffff;
    // A bucket is filled from its first place: most have the last one free.
    if (rank != 0 || i64x2.extract_lane(high, 1) == 0) return rank;
    bucket = (bucket + 1) & pairMask;
  }
}

/** The id that the merge of a rank makes. */
// @ts-ignore: decorator
@inline
function idOf(rank: u32): u32 {
  return firstMerged != 0 ? firstMerged + rank : load<u32>(merged + (<usize>rank << 2));
}

/** Merges the bytes [at, at + length) and writes their ids to `out`; returns how many. */
export function merge(at: usize, length: u32, out: usize): u32 {
  if (length == 1) {
    store<u32>(out, load<u32>(byteIds + (<usize>load<u8>(at) << 2)));
    return 1;
  }
  return length <= FEW ? mergeFew(at, length, out) : mergeMany(at, length, out);
}

/** A candidate of mergeFew: rank << 6 | place. No rank at all comes out above every other. */
// @ts-ignore: decorator
@inline
function keyOf(rank: u32, place: u32): u32 {
  return ((rank - 1) << 6) | place;
}
const NO_KEY: u32 = 1 << 28;

/** Parts keep the place of their first byte; `parts` has a bit for each. 64 u32 candidates, then 64 ids, in `scratch`. */
function mergeFew(at: usize, length: u32, out: usize): u32 {
  const keys = scratch;
  const ids = scratch + 256;
  const last = length - 1;
  v128.store(keys + ((<usize>last << 2) & ~15), i32x4.splat(-1));
  let byte = <usize>load<u8>(at);
  store<u32>(ids, load<u32>(byteIds + (byte << 2)));
  for (let i: u32 = 0; i < last; i++) {
    const next = <usize>load<u8>(at + i, 1);
    store<u32>(keys + (<usize>i << 2), keyOf(load<u32>(bytePairs + (((byte << 8) | next) << 2)), i));
    store<u32>(ids + (<usize>i << 2), load<u32>(byteIds + (next << 2)), 4);
    byte = next;
  }
  let parts: u64 = ~(<u64>0) >> (63 - last);
  while (true) {
    let best = load<u32>(keys);
    for (let rest = parts & (parts - 1); rest != 0; rest &= rest - 1) best = min(best, load<u32>(keys + (<usize>ctz(rest) << 2)));
    if (best >= NO_KEY) break;
    const place = best & 63;
    const next = place + 1 + <u32>ctz(parts >> (place + 1));
    parts &= ~((<u64>1) << next);
    store<u32>(keys + (<usize>next << 2), NO_KEY);
    const id = idOf(best >> 6);
    store<u32>(ids + (<usize>place << 2), id);
    const after = parts >> (place + 1);
    let key = NO_KEY;
    if (after != 0) key = keyOf(rankOf(id, load<u32>(ids + (<usize>(place + 1 + <u32>ctz(after)) << 2))), place);
    store<u32>(keys + (<usize>place << 2), key);
    const before = parts & (((<u64>1) << place) - 1);
    if (before != 0) {
      const previous = 63 - <u32>clz(before);
      store<u32>(keys + (<usize>previous << 2), keyOf(rankOf(load<u32>(ids + (<usize>previous << 2)), id), previous));
    }
  }
  let count: u32 = 0;
  for (let rest = parts; rest != 0; rest &= rest - 1)
    store<u32>(out + (<usize>(count++) << 2), load<u32>(ids + (<usize>ctz(rest) << 2)));
  return count;
}

/*
 * Many parts: a doubly linked list of parts (16 bytes each: u32 id, rank + 1 with the next one, previous, next) and a heap of
 * candidates (u64 rank + 1 << 32 | place). A candidate that no longer has the rank of its place is stale and skipped: a
 * place never gets the same pair twice, as parts only grow. n log n, whatever the text.
 */
let heap: usize = 0;
let heapSize: usize = 0;

// Four children a node: half the levels of a binary heap, and the children of a node in one cache line.
function push(key: u64): void {
  let i = heapSize++;
  while (i > 0) {
    const parent = (i - 1) >> 2;
    const other = load<u64>(heap + (parent << 3));
    if (other <= key) break;
    store<u64>(heap + (i << 3), other);
    i = parent;
  }
  store<u64>(heap + (i << 3), key);
}

function pop(): u64 {
  const top = load<u64>(heap);
  const key = load<u64>(heap + (--heapSize << 3));
  // Behind the last: above all, so that a node always has four children to compare.
  v128.store(heap + (heapSize << 3), i64x2.splat(-1));
  v128.store(heap + (heapSize << 3), i64x2.splat(-1), 16);
  let i: usize = 0;
  while (true) {
    let child = (i << 2) + 1;
    if (child >= heapSize) break;
    let least = load<u64>(heap + (child << 3));
    const first = child;
    for (let j: usize = 1; j < 4; j++) {
      const other = load<u64>(heap + ((first + j) << 3));
      if (other < least) {
        least = other;
        child = first + j;
      }
    }
    if (least >= key) break;
    store<u64>(heap + (i << 3), least);
    i = child;
  }
  if (heapSize > 0) store<u64>(heap + (i << 3), key);
  return top;
}

// @ts-ignore: decorator
@inline
function part(i: u32): usize {
  return scratch + (<usize>i << 4);
}

/** Looks up the pair that begins at `place` and makes it a candidate. */
function consider(place: u32, left: u32, right: u32): void {
  const rank = rankOf(left, right);
  store<u32>(part(place), rank, 4);
  if (rank != 0) push((<u64>rank << 32) | <u64>place);
}

/** Scratch needed: 16 bytes a part and as many for the heap, which every merge makes at most one longer, and 128. */
function mergeMany(at: usize, length: u32, out: usize): u32 {
  // The children of a node in one line: the first child of the first is at a multiple of 32.
  heap = scratch + (<usize>length << 4) + 56;
  heap = (heap & ~31) + 24;
  heapSize = 0;
  for (let i: u32 = 0; i < length; i++) {
    const id = load<u32>(byteIds + (<usize>load<u8>(at + i) << 2));
    store<u32>(part(i), id);
    store<u32>(part(i), 0, 4);
    store<u32>(part(i), i - 1, 8);
    store<u32>(part(i), i + 1, 12);
    if (i > 0) consider(i - 1, load<u32>(part(i - 1)), id);
  }
  while (heapSize > 0) {
    const key = pop();
    const place = <u32>key;
    const rank = <u32>(key >> 32);
    if (load<u32>(part(place), 4) != rank) continue;
    const id = idOf(rank - 1);
    const next = load<u32>(part(place), 12);
    const after = load<u32>(part(next), 12);
    store<u32>(part(next), 0, 4);
    store<u32>(part(place), id);
    store<u32>(part(place), 0, 4);
    store<u32>(part(place), after, 12);
    if (after < length) {
      store<u32>(part(after), place, 8);
      consider(place, id, load<u32>(part(after)));
    }
    const previous = load<u32>(part(place), 8);
    if (previous < length) consider(previous, load<u32>(part(previous)), id);
  }
  let parts: u32 = 0;
  for (let i: u32 = 0; i < length; i = load<u32>(part(i), 12)) store<u32>(out + (<usize>(parts++) << 2), load<u32>(part(i)));
  return parts;
}
