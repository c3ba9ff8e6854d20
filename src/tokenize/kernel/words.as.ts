/** From a word to its ids: caches first, then merges. */
import {
  arena,
  arenaSize,
  ignoreMerges,
  longMask,
  longWords,
  masks,
  seeds,
  seedsCount,
  tokenBytes,
  tokenOffsets,
  vocabulary,
  vocabularyMask,
  wordMask,
  words,
} from './layout.as';
import { merge } from './merge.as';
import { BEYOND, humpsOf, isJoined, pieceEnd } from './pieces.as';

/*
 * Word cache, 32 bytes a slot: 16 of the word padded with zeros, 3 ids, u32 meta = length | ids << 8 | kind << 16; meta 0:
 * empty. Words of up to 16 bytes and 3 ids, which is nearly all of them; a word of more ids has MANY there and its ids in the
 * cache of long words. Lossy: a full neighbourhood loses its last.
 */
const PROBES: u32 = 4;
const MANY: u32 = 0xff;
const PIECE: u32 = 1 << 16;
/** Part of a longer word: with ignore_merges a whole word may be a token that its merges do not reach. */
let kind: u32 = 0;

// @ts-ignore: decorator
@inline
function hashOf(key: v128): u32 {
  let hash = <u64>i64x2.extract_lane(key, 0) * 0x9e3779b97f4a7c15;
  hash ^= rotl<u64>(<u64>i64x2.extract_lane(key, 1), 23) * 0xc2b2ae3d27d4eb4f;
  hash ^= hash >> 32;
  hash *= 0xff51afd7ed558ccd;
  return <u32>(hash >> 40);
}

// @ts-ignore: decorator
@inline
function keyOf(at: usize, length: u32): v128 {
  return v128.and(v128.load(at), v128.load(masks + (<usize>length << 4)));
}

/** Whether the slot holds the word `key` of this length and kind. */
// @ts-ignore: decorator
@inline
function holds(slot: usize, meta: u32, key: v128, length: u32): bool {
  return (meta & 0xff00ff) == (length | kind) && i8x16.all_true(i8x16.eq(v128.load(slot), key));
}

/** Ids of the word [at, at + length) to `out`; returns the end of what was written. */
// @ts-ignore: decorator
@inline
export function encodeWord(at: usize, length: u32, out: usize): usize {
  return length > 16 ? encodeLong(at, length, out) : lookUp(at, length, out, true);
}

// @ts-ignore: decorator
@inline
function lookUp(at: usize, length: u32, out: usize, whole: bool): usize {
  const key = keyOf(at, length);
  const hash = hashOf(key);
  const slot = words + (<usize>(hash & wordMask) << 5);
  const meta = load<u32>(slot, 28);
  const ids = (meta >> 8) & 0xff;
  if (ids != MANY && holds(slot, meta, key, length)) {
    v128.store(out, v128.load(slot, 16));
    return out + (<usize>ids << 2);
  }
  return encodeShort(at, length, out, key, hash, whole);
}

/**
 * Puts a word found behind another before it, one time in four: the first place is a load and a compare, the others a call and
 * a loop. Saves 5 % of a pass. What is pushed out of its neighbourhood is merged again when it comes.
 */
// @ts-ignore: decorator
@inline
function exchange(a: usize, b: usize): void {
  const word = v128.load(a);
  const rest = v128.load(a, 16);
  v128.store(a, v128.load(b));
  v128.store(a, v128.load(b, 16), 16);
  v128.store(b, word);
  v128.store(b, rest, 16);
}

/** A word of up to 16 bytes that is not in its first slot; `whole`: not a piece, so it may have pieces. */
function encodeShort(at: usize, length: u32, out: usize, key: v128, hash: u32, whole: bool): usize {
  let free: usize = 0;
  for (let i: u32 = 0; i < PROBES; i++) {
    const slot = words + (<usize>((hash + i) & wordMask) << 5);
    const meta = load<u32>(slot, 28);
    if (meta == 0) {
      free = slot;
      break;
    }
    if (holds(slot, meta, key, length)) {
      const ids = (meta >> 8) & 0xff;
      if (ids == MANY) return encodeKept(at, length, out, whole);
      v128.store(out, v128.load(slot, 16));
      if (i > 0 && (at & 3) == 0) exchange(slot, words + (<usize>((hash + i - 1) & wordMask) << 5));
      return out + (<usize>ids << 2);
    }
  }
  if (free == 0) free = words + (<usize>((hash + PROBES - 1) & wordMask) << 5);
  const end = encodeFresh(at, length, out, whole);
  const count = <u32>((end - out) >> 2);
  v128.store(free, key);
  v128.store(free, v128.load(out), 16);
  store<u32>(free, length | ((count <= 3 ? count : MANY) << 8) | kind, 28);
  if (count > 3) keep(at, length, out, end - out, hashBytes(at, length) ^ kind, kind);
  return end;
}

/** A word that no cache knows. */
function encodeFresh(at: usize, length: u32, out: usize, whole: bool): usize {
  if (whole) {
    if (ignoreMerges) {
      const token = tokenOf(at, length);
      if (token != 0) {
        store<u32>(out, token - 1);
        return out + 4;
      }
    }
    if (length > 3) return encodeWhole(at, length, out);
  }
  return out + (<usize>merge(at, length, out) << 2);
}

/**
 * A word of more than three bytes, cut where no token can reach across: merges never cross such a place, so each piece can be
 * encoded, and cached, by itself. Turns a Chinese run of 26 bytes, new nearly every time, into pieces of 5 that nearly all
 * repeat, and `getElementsByTagName` into words that are known.
 */
function encodeWhole(at: usize, length: u32, out: usize): usize {
  const end = at + length;
  let from = at;
  let humps = humpsOf(at, length);
  if (humps == BEYOND)
    for (let cut = pieceEnd(at, end); cut < end; cut = pieceEnd(cut, end)) {
      out = encodePiece(from, cut, out);
      from = cut;
    }
  else
    for (; humps != 0; humps &= humps - 1) {
      const cut = at + <usize>ctz(humps);
      if (isJoined(cut)) continue;
      out = encodePiece(from, cut, out);
      from = cut;
    }
  return from == at ? out + (<usize>merge(at, length, out) << 2) : encodePiece(from, end, out);
}

function encodePiece(at: usize, end: usize, out: usize): usize {
  const length = <u32>(end - at);
  if (ignoreMerges) kind = PIECE;
  out = length <= 16 ? lookUp(at, length, out, false) : encodeKept(at, length, out, false);
  kind = 0;
  return out;
}

/*
 * Long words: a slot holds the arena offset of [u32 hash, u32 length | kind, u32 ids, ids..., bytes...]. When the arena is full
 * both are emptied.
 */
let arenaUsed: u32 = 16;

function hashBytes(at: usize, length: u32): u32 {
  let hash: u64 = <u64>length * 0x9e3779b97f4a7c15;
  let i: u32 = 0;
  for (; i + 8 <= length; i += 8) {
    hash = (hash ^ load<u64>(at + i)) * 0xff51afd7ed558ccd;
    hash ^= hash >> 29;
  }
  for (; i < length; i++) hash = (hash ^ <u64>load<u8>(at + i)) * 0x100000001b3;
  hash ^= hash >> 32;
  hash *= 0xc4ceb9fe1a85ec53;
  return <u32>(hash >> 32);
}

function same(a: usize, b: usize, length: u32): bool {
  let i: u32 = 0;
  for (; i + 8 <= length; i += 8) if (load<u64>(a + i) != load<u64>(b + i)) return false;
  for (; i < length; i++) if (load<u8>(a + i) != load<u8>(b + i)) return false;
  return true;
}

/** Longer than this a word is not kept: it will not come again, and would push out many. */
const KEEP: u32 = 256;

function encodeLong(at: usize, length: u32, out: usize): usize {
  // Runs of other scripts: their pieces are what repeats, the run itself hardly ever does.
  return load<u8>(at + length - 1) >= 0x80 ? encodeFresh(at, length, out, true) : encodeKept(at, length, out, true);
}

/** Ids from the cache of long words, or made and kept there. */
function encodeKept(at: usize, length: u32, out: usize, whole: bool): usize {
  if (length > KEEP) return encodeFresh(at, length, out, whole);
  const hash = hashBytes(at, length) ^ kind;
  const offset = load<u32>(longWords + (<usize>(hash & longMask) << 2));
  if (offset != 0) {
    const entry = arena + offset;
    if (load<u32>(entry) == hash && load<u32>(entry, 4) == (length | kind)) {
      const ids = <usize>load<u32>(entry, 8) << 2;
      if (same(entry + 12 + ids, at, length)) {
        copy(out, entry + 12, ids);
        return out + ids;
      }
    }
  }
  const kept = kind;
  const end = encodeFresh(at, length, out, whole);
  keep(at, length, out, end - out, hash, kept);
  return end;
}

/** Puts a word and its ids, of `size` bytes, into the arena. */
function keep(at: usize, length: u32, ids: usize, size: usize, hash: u32, kind: u32): void {
  const needed = (12 + <u32>size + length + 7) & ~7;
  // The last 16 bytes are for what `copy` writes too much.
  if (arenaUsed + needed + 16 > arenaSize) {
    memory.fill(longWords, 0, (<usize>longMask + 1) << 2);
    arenaUsed = 16;
  }
  const entry = arena + arenaUsed;
  store<u32>(entry, hash);
  store<u32>(entry, length | kind, 4);
  store<u32>(entry, <u32>size >> 2, 8);
  copy(entry + 12, ids, size);
  copy(entry + 12 + size, at, length);
  store<u32>(longWords + (<usize>(hash & longMask) << 2), arenaUsed);
  arenaUsed += needed;
}

/** 16 bytes at a time, so up to 15 too many: memory.copy is a call out of WebAssembly, 40 ns for what is mostly 30 bytes. */
// @ts-ignore: decorator
@inline
function copy(to: usize, from: usize, size: usize): void {
  for (let i: usize = 0; i < size; i += 16) v128.store(to + i, v128.load(from + i));
}

/** Number + 1 of the token that is these bytes, or 0. */
function tokenOf(at: usize, length: u32): u32 {
  let slot = hashBytes(at, length) & vocabularyMask;
  while (true) {
    const token = load<u32>(vocabulary + (<usize>slot << 2));
    if (token == 0) return 0;
    const offset = load<u32>(tokenOffsets + (<usize>(token - 1) << 2));
    if (load<u32>(tokenOffsets + (<usize>(token - 1) << 2), 4) - offset == length && same(tokenBytes + offset, at, length))
      return token;
    slot = (slot + 1) & vocabularyMask;
  }
}

/** Puts tokens 0 to `count` into the table of whole words; false where one is not placed in `probes` tries. */
export function indexVocabulary(count: u32, probes: u32): bool {
  for (let token: u32 = 0; token < count; token++) {
    const offset = load<u32>(tokenOffsets + (<usize>token << 2));
    const length = load<u32>(tokenOffsets + (<usize>token << 2), 4) - offset;
    if (length == 0) continue;
    let slot = hashBytes(tokenBytes + offset, length) & vocabularyMask;
    for (let tries: u32 = 0; load<u32>(vocabulary + (<usize>slot << 2)) != 0; tries++) {
      if (tries == probes) return false;
      slot = (slot + 1) & vocabularyMask;
    }
    store<u32>(vocabulary + (<usize>slot << 2), token + 1);
  }
  return true;
}

/**
 * Lists in `seeds` the tokens below `count` that are words of one id, up to `most`, in order: nearly that of how common they
 * are. `out` is room for ids. Returns how many.
 */
export function findSeeds(count: u32, most: u32, out: usize): u32 {
  let found: u32 = 0;
  for (let token: u32 = 0; token < count && found < most; token++) {
    const offset = load<u32>(tokenOffsets + (<usize>token << 2));
    const length = load<u32>(tokenOffsets + (<usize>token << 2), 4) - offset;
    if (length < 2 || length > 16) continue;
    // What its merges do not reach is no word of one id.
    if (encodeWord(tokenBytes + offset, length, out) != out + 4 || load<u32>(out) != token) continue;
    store<u32>(seeds + (<usize>found << 2), token);
    found++;
  }
  return found;
}

/** Forgets all words but the seeds. */
export function forget(): void {
  memory.fill(words, 0, (<usize>wordMask + 1) << 5);
  memory.fill(longWords, 0, (<usize>longMask + 1) << 2);
  arenaUsed = 16;
  for (let i: u32 = 0; i < seedsCount; i++) {
    const token = load<u32>(seeds + (<usize>i << 2));
    const at = tokenBytes + load<u32>(tokenOffsets + (<usize>token << 2));
    const length = <u32>(tokenBytes + load<u32>(tokenOffsets + (<usize>token << 2), 4) - at);
    const key = keyOf(at, length);
    const hash = hashOf(key);
    for (let j: u32 = 0; j < PROBES; j++) {
      const slot = words + (<usize>((hash + j) & wordMask) << 5);
      if (load<u32>(slot, 28) != 0) continue;
      v128.store(slot, key);
      store<u32>(slot, token, 16);
      store<u32>(slot, length | (1 << 8), 28);
      break;
    }
  }
}
