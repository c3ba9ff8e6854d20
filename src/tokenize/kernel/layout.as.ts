/**
 * Where things lie in the kernel's memory. JavaScript lays it out (image.ts, kernel.ts) and calls `configure`; nothing here
 * allocates. Every table is written once by the loader, but the word caches.
 */

/** Two-stage class table: u8 class = blocks[index[cp >> 7] * 128 + (cp & 127)]. The first 128 bytes are ASCII. */
export let classIndex: usize = 0;
export let classBlocks: usize = 0;
/** u32 id of each single byte. */
export let byteIds: usize = 0;
/** u32 rank + 1 of each pair of single bytes, 0 where they do not merge. */
export let bytePairs: usize = 0;
/** Ranks of pairs, in buckets of four: see merge.as.ts. */
export let pairs: usize = 0;
export let pairMask: u32 = 0;
/** A bit for each hash of a pair, by the upper bits, then 32 bytes of zeros, a bucket without pairs. */
export let pairFilter: usize = 0;
export let filterBits: u32 = 0;
/** u32 id that the merge of each rank makes; where each makes the one after the last one's, `firstMerged` is the first, else 0. */
export let merged: usize = 0;
export let firstMerged: u32 = 0;
/** Word cache: 32 bytes a slot, see words.as.ts. */
export let words: usize = 0;
export let wordMask: u32 = 0;
/** Cache of long words: u32 offset into the arena a slot, 0: empty. */
export let longWords: usize = 0;
export let longMask: u32 = 0;
export let arena: usize = 0;
export let arenaSize: u32 = 0;
/** Whole words that are tokens (ignore_merges): u32 token number + 1 a slot, then each token's offset and bytes. */
export let vocabulary: usize = 0;
export let vocabularyMask: u32 = 0;
export let tokenOffsets: usize = 0;
export let tokenBytes: usize = 0;
/** Tokens that the word cache begins with, u32 each: see words.as.ts. */
export let seeds: usize = 0;
export let seedsCount: u32 = 0;
/** Bloom filters of character pairs that stand inside some token, 2^21 bits. */
export let crossings: usize = 0;
/** Filter of what tokens have around a lower-case letter before an upper-case one, 2^17 bits. */
export let humps: usize = 0;
/** Scratch: ends of words, parts of merges. */
export let ends: usize = 0;
export let scratch: usize = 0;
export let masks: usize = 0;
/** First bytes of added tokens, and their first eight: see survey.as.ts. */
export let firsts: usize = 0;
export let firstsCount: u32 = 0;
export let prefixes: usize = 0;
export let prefixesCount: u32 = 0;
/** Settings. */
export let pattern: u32 = 0;
export let digits: u32 = 0;
export let ignoreMerges: bool = false;

export function configure(at: usize): void {
  classIndex = load<u32>(at);
  classBlocks = load<u32>(at + 4);
  byteIds = load<u32>(at + 8);
  bytePairs = load<u32>(at + 12);
  pairs = load<u32>(at + 16);
  pairMask = load<u32>(at + 20);
  merged = load<u32>(at + 24);
  words = load<u32>(at + 28);
  wordMask = load<u32>(at + 32);
  longWords = load<u32>(at + 36);
  longMask = load<u32>(at + 40);
  arena = load<u32>(at + 44);
  arenaSize = load<u32>(at + 48);
  vocabulary = load<u32>(at + 52);
  vocabularyMask = load<u32>(at + 56);
  tokenOffsets = load<u32>(at + 60);
  tokenBytes = load<u32>(at + 64);
  crossings = load<u32>(at + 68);
  ends = load<u32>(at + 72);
  scratch = load<u32>(at + 76);
  masks = load<u32>(at + 80);
  pattern = load<u32>(at + 84);
  digits = load<u32>(at + 88);
  ignoreMerges = load<u32>(at + 92) != 0;
  firsts = load<u32>(at + 96);
  firstsCount = load<u32>(at + 100);
  prefixes = load<u32>(at + 104);
  prefixesCount = load<u32>(at + 108);
  seeds = load<u32>(at + 112);
  seedsCount = load<u32>(at + 116);
  pairFilter = load<u32>(at + 120);
  filterBits = load<u32>(at + 124);
  firstMerged = load<u32>(at + 128);
  humps = load<u32>(at + 132);
}
