/** The tokenizer's kernel: UTF-8 in, ids out. Built to WebAssembly with SIMD by scripts/build-kernel.mjs. */
import { BLOCK, blockEnds } from './block.as';
import { ends } from './layout.as';
import { lookAnew, looked, wordEnd } from './scan.as';
import { encodeWord } from './words.as';

export { configure } from './layout.as';
export { isPlain } from './survey.as';
export { findSeeds, forget, indexVocabulary } from './words.as';

/** Words scanned before they are looked up: two short loops predict better than one long one. */
const BATCH: usize = 512;
/** A word this close to the end of a text that goes on may still change. */
const LOOKAHEAD: usize = 8;

/** Bytes of the text that the last call to `encode` took. */
export let taken: u32 = 0;

/**
 * Ids of the text [at, at + length) to `out`, which has room for `length + 4` of them; returns how many. Unless `whole`,
 * the text goes on: the last words, which more text could change, are left, and `taken` says where they begin.
 */
export function encode(at: usize, length: u32, out: usize, whole: bool): u32 {
  const end = at + length;
  const begin = out;
  let word = at;
  let scan = at;
  let open = true;
  lookAnew();
  while (open && scan < end) {
    let count: usize = 0;
    while (count < BATCH && scan < end) {
      if (scan + BLOCK + LOOKAHEAD <= end && (load<u16>(scan) & 0x8080) == 0) {
        const found = blockEnds(scan, ends + (count << 2));
        if (found != 0) {
          count += found;
          scan = <usize>load<u32>(ends + (count << 2) - 4);
          continue;
        }
      }
      const next = wordEnd(scan, end);
      if (!whole && (next + LOOKAHEAD > end || looked + LOOKAHEAD > end)) {
        open = false;
        break;
      }
      store<u32>(ends + (count << 2), <u32>next);
      count++;
      scan = next;
    }
    for (let i: usize = 0; i < count; i++) {
      const next = <usize>load<u32>(ends + (i << 2));
      out = encodeWord(word, <u32>(next - word), out);
      word = next;
    }
  }
  taken = <u32>(word - at);
  return <u32>((out - begin) >> 2);
}

/** Ends of the words alone, for tests: u32 offsets from `at` to `out`. */
export function scanWords(at: usize, length: u32, out: usize): u32 {
  const end = at + length;
  let count: u32 = 0;
  for (let scan = at; scan < end;) {
    if (scan + BLOCK + LOOKAHEAD <= end && (load<u16>(scan) & 0x8080) == 0) {
      const found = <u32>blockEnds(scan, out + (<usize>count << 2));
      for (let i: u32 = 0; i < found; i++) {
        scan = <usize>load<u32>(out + (<usize>(count + i) << 2));
        store<u32>(out + (<usize>(count + i) << 2), <u32>(scan - at));
      }
      count += found;
      if (found != 0) continue;
    }
    scan = wordEnd(scan, end);
    store<u32>(out + (<usize>count << 2), <u32>(scan - at));
    count++;
  }
  return count;
}
