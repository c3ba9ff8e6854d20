/** Byte-pair merges: lowest rank first, leftmost among equals, as the reference does. */
import { byteIds, bytePairs, NONE, pairMask, pairs, scratch } from './layout.as';

/** Up to this many parts the lowest rank is looked for among all of them; above, a heap keeps them. */
const FEW: u32 = 48;

/** (rank << 32 | id) of a pair of tokens, all ones where they do not merge. */
function pairOf(left: u32, right: u32): u64 {
  let hash = left * 0x9e3779b1 + right * 0x85ebca6b;
  hash ^= hash >>> 15;
  hash *= 0xc2b2ae35;
  let slot = (hash ^ (hash >>> 13)) & pairMask;
  const key = (<u64>right << 32) | <u64>left;
  while (true) {
    const at = pairs + (<usize>slot << 4);
    const found = load<u64>(at);
    if (found == key) return (<u64>load<u32>(at, 8) << 32) | <u64>load<u32>(at, 12);
    if (<u32>found == NONE) return ~(<u64>0);
    slot = (slot + 1) & pairMask;
  }
}

/** Merges the bytes [at, at + length) and writes their ids to `out`; returns how many. */
export function merge(at: usize, length: u32, out: usize): u32 {
  if (length == 1) {
    store<u32>(out, load<u32>(byteIds + (<usize>load<u8>(at) << 2)));
    return 1;
  }
  return length <= FEW ? mergeFew(at, length, out) : mergeMany(at, length, out);
}

/** Ids in `out`, (rank, id) of each with its right neighbour in `scratch`. */
function mergeFew(at: usize, length: u32, out: usize): u32 {
  let before = <usize>load<u8>(at);
  store<u32>(out, load<u32>(byteIds + (before << 2)));
  for (let i: u32 = 1; i < length; i++) {
    const byte = <usize>load<u8>(at + i);
    store<u32>(out + (i << 2), load<u32>(byteIds + (byte << 2)));
    store<u64>(scratch + ((i - 1) << 3), load<u64>(bytePairs + (((before << 8) | byte) << 3)));
    before = byte;
  }
  let parts = length;
  while (true) {
    let best = ~(<u64>0);
    let place: u32 = 0;
    for (let i: u32 = 0; i + 1 < parts; i++) {
      const pair = load<u64>(scratch + (i << 3));
      // Ranks are distinct pairs' own, so the lowest (rank, id) met first is the leftmost of the lowest rank.
      if (pair < best) {
        best = pair;
        place = i;
      }
    }
    if (best == ~(<u64>0)) return parts;
    const id = <u32>best;
    store<u32>(out + (place << 2), id);
    parts--;
    for (let i = place + 1; i < parts; i++) {
      store<u32>(out + (i << 2), load<u32>(out + (i << 2), 4));
      store<u64>(scratch + (i << 3), load<u64>(scratch + (i << 3), 8));
    }
    if (place > 0) store<u64>(scratch + ((place - 1) << 3), pairOf(load<u32>(out + ((place - 1) << 2)), id));
    if (place + 1 < parts) store<u64>(scratch + (place << 3), pairOf(id, load<u32>(out + (place << 2), 4)));
  }
}

/*
 * Many parts: a doubly linked list of parts (16 bytes each: id, previous, next, unused) and a binary heap of candidate
 * merges (16 bytes each: u64 rank << 32 | place, u32 left id, u32 right id). A candidate whose ids are no longer those
 * of its place is stale and skipped. n log n, whatever the text.
 */
let heap: usize = 0;
let heapSize: u32 = 0;

function push(key: u64, ids: u64): void {
  let i = heapSize++;
  while (i > 0) {
    const parent = (i - 1) >> 1;
    const at = heap + (<usize>parent << 4);
    if (load<u64>(at) <= key) break;
    v128.store(heap + (<usize>i << 4), v128.load(at));
    i = parent;
  }
  store<u64>(heap + (<usize>i << 4), key);
  store<u64>(heap + (<usize>i << 4), ids, 8);
}

function pop(): void {
  const last = v128.load(heap + (<usize>(--heapSize) << 4));
  const key = i64x2.extract_lane(last, 0) as u64;
  let i: u32 = 0;
  while (true) {
    let child = i * 2 + 1;
    if (child >= heapSize) break;
    if (child + 1 < heapSize && load<u64>(heap + (<usize>(child + 1) << 4)) < load<u64>(heap + (<usize>child << 4))) child++;
    if (load<u64>(heap + (<usize>child << 4)) >= key) break;
    v128.store(heap + (<usize>i << 4), v128.load(heap + (<usize>child << 4)));
    i = child;
  }
  v128.store(heap + (<usize>i << 4), last);
}

function candidate(place: u32, left: u32, right: u32): void {
  const pair = pairOf(left, right);
  if (pair == ~(<u64>0)) return;
  push(((pair >> 32) << 32) | <u64>place, (<u64>right << 32) | <u64>left);
}

// @ts-ignore: decorator
@inline
function part(i: u32): usize {
  return scratch + (<usize>i << 4);
}

/** Scratch needed: 16 bytes a part and 48 a part for the heap. */
function mergeMany(at: usize, length: u32, out: usize): u32 {
  heap = scratch + (<usize>length << 4);
  heapSize = 0;
  for (let i: u32 = 0; i < length; i++) {
    store<u32>(part(i), load<u32>(byteIds + (<usize>load<u8>(at + i) << 2)));
    store<u32>(part(i), i - 1, 4);
    store<u32>(part(i), i + 1, 8);
    if (i > 0) candidate(i - 1, load<u32>(part(i - 1)), load<u32>(part(i)));
  }
  while (heapSize > 0) {
    const key = load<u64>(heap);
    const left = load<u32>(heap, 8);
    const right = load<u32>(heap, 12);
    pop();
    const place = <u32>key;
    const next = load<u32>(part(place), 8);
    if (next >= length || load<u32>(part(place)) != left || load<u32>(part(next)) != right) continue;
    const id = <u32>pairOf(left, right);
    store<u32>(part(place), id);
    // A part that is gone has no id, so that what still points to it is stale.
    store<u32>(part(next), NONE);
    const after = load<u32>(part(next), 8);
    store<u32>(part(place), after, 8);
    if (after < length) {
      store<u32>(part(after), place, 4);
      candidate(place, id, load<u32>(part(after)));
    }
    const previous = load<u32>(part(place), 4);
    if (previous < length) candidate(previous, load<u32>(part(previous)), id);
  }
  let parts: u32 = 0;
  for (let i: u32 = 0; i < length; i = load<u32>(part(i), 8)) store<u32>(out + (<usize>(parts++) << 2), load<u32>(part(i)));
  return parts;
}
