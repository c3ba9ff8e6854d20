/** Where words end: the split patterns in use, by hand. `at` is the start of a word, `end` that of the text. */
import { digits, pattern } from './layout.as';
import { classAt, LETTER, lettersEnd, LOWER, MARK, NUMBER, SPACE, UPPER, width } from './text.as';

export const GPT2: u32 = 0;
export const CL100K: u32 = 1;
export const O200K: u32 = 2;

/** How far the scanner looked for the last word: a word is final only if more text could not change it. */
export let looked: usize = 0;
export function lookAnew(): void {
  looked = 0;
}

export function wordEnd(at: usize, end: usize): usize {
  if (pattern == CL100K) return cl100k(at, end);
  return pattern == GPT2 ? gpt2(at, end) : o200k(at, end);
}

// @ts-ignore: decorator
@inline
function isNewline(byte: u32): bool {
  return byte == 10 || byte == 13;
}

/** Bytes of 's 't 're 've 'm 'll 'd in any case after an apostrophe at `at`, or 0. U+017F, the long s, is an s. */
function contraction(at: usize, end: usize): u32 {
  if (at + 1 >= end) return 0;
  const first = <u32>load<u8>(at, 1);
  const a = first | 0x20;
  if (first < 0x80) {
    if (a == 0x73 || a == 0x74 || a == 0x6d || a == 0x64) return 2;
    if (at + 2 >= end) return 0;
    const b = <u32>load<u8>(at, 2) | 0x20;
    if (load<u8>(at, 2) >= 0x80) return 0;
    if ((a == 0x72 && b == 0x65) || (a == 0x76 && b == 0x65) || (a == 0x6c && b == 0x6c)) return 3;
    return 0;
  }
  return first == 0xc5 && at + 2 < end && load<u8>(at, 2) == 0xbf ? 3 : 0;
}

/** End of the run of characters that are neither space, letter nor number. */
function othersEnd(at: usize, end: usize): usize {
  while (at < end && !(classAt(at) & (SPACE | LETTER | NUMBER))) at += width(load<u8>(at));
  return at;
}

function numbersEnd(at: usize, end: usize, most: u32): usize {
  while (at < end && most > 0 && classAt(at) & NUMBER) {
    at += width(load<u8>(at));
    most--;
  }
  return at;
}

/** `\s*[\r\n]+|\s+(?!\S)|\s+` from a white-space character; without the first alternative for GPT-2. */
function spacesEnd(at: usize, end: usize, newlines: bool): usize {
  let run = at;
  let last = at;
  let afterNewline: usize = 0;
  while (run < end && classAt(run) & SPACE) {
    last = run;
    const byte = <u32>load<u8>(run);
    run += width(byte);
    if (isNewline(byte)) afterNewline = run;
  }
  looked = run;
  if (newlines && afterNewline != 0) return afterNewline;
  // The last space before a word goes with the word.
  return run == end || last == at ? run : last;
}

function cl100k(at: usize, end: usize): usize {
  const first = <u32>load<u8>(at);
  const kind = classAt(at);
  if (kind & LETTER) return lettersEnd(at + width(first), end);
  if (kind & NUMBER) return numbersEnd(at, end, digits);
  const next = at + width(first);
  if (first == 0x27) {
    const length = contraction(at, end);
    if (length != 0) return at + length;
  }
  if (isNewline(first)) return spacesEnd(at, end, true);
  if (next < end) {
    const after = classAt(next);
    if (after & LETTER) return lettersEnd(next + width(load<u8>(next)), end);
    if (first == 0x20 && !(after & (SPACE | NUMBER))) return trailing(othersEnd(next, end), end, false);
  }
  if (kind & SPACE) return spacesEnd(at, end, true);
  return trailing(othersEnd(next, end), end, false);
}

/** `[\r\n]*`, with `/` for o200k. */
function trailing(at: usize, end: usize, slash: bool): usize {
  while (at < end) {
    const byte = <u32>load<u8>(at);
    if (!isNewline(byte) && !(slash && byte == 0x2f)) break;
    at++;
  }
  return at;
}

function gpt2(at: usize, end: usize): usize {
  const first = <u32>load<u8>(at);
  if (first == 0x27) {
    const length = contraction(at, end);
    // Lower case only: OR-ing 0x20 must not have changed anything.
    if (length == 2 && load<u8>(at, 1) >= 0x61) return at + 2;
    if (length == 3 && load<u8>(at, 1) < 0x80 && load<u8>(at, 1) >= 0x61 && load<u8>(at, 2) >= 0x61) return at + 3;
  }
  const kind = classAt(at);
  const next = at + width(first);
  if (kind & LETTER) return lettersEnd(next, end);
  if (kind & NUMBER) return numbersEnd(next, end, 0xffffffff);
  if (!(kind & SPACE)) return othersEnd(next, end);
  if (first == 0x20 && next < end) {
    const after = classAt(next);
    if (after & LETTER) return lettersEnd(next, end);
    if (after & NUMBER) return numbersEnd(next, end, 0xffffffff);
    if (!(after & SPACE)) return othersEnd(next, end);
  }
  return spacesEnd(at, end, false);
}

/** In `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`: every letter that is not lower case, and marks. */
// @ts-ignore: decorator
@inline
function isUpperish(kind: u32): bool {
  return (kind & (LETTER | LOWER)) == LETTER || (kind & MARK) != 0;
}
/** In `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`. */
// @ts-ignore: decorator
@inline
function isLowerish(kind: u32): bool {
  return (kind & (LETTER | UPPER)) == LETTER || (kind & MARK) != 0;
}

/** `[upper]*[lower]+` from `at`, or 0. Backtracking gives back characters until one is in both classes. */
function lowerWord(at: usize, end: usize): usize {
  let run = at;
  let both: usize = 0;
  while (run < end) {
    const kind = classAt(run);
    if (!isUpperish(kind)) break;
    run += width(load<u8>(run));
    if (isLowerish(kind)) both = run;
  }
  const upper = run;
  while (run < end && isLowerish(classAt(run))) run += width(load<u8>(run));
  if (run > upper) return run;
  looked = upper;
  return both;
}

/** `[upper]+[lower]*` from `at`, or 0; asked only when lowerWord found nothing, so there is no lower-case tail. */
function upperWord(at: usize, end: usize): usize {
  let run = at;
  while (run < end && isUpperish(classAt(run))) run += width(load<u8>(run));
  return run > at ? run : 0;
}

function withContraction(at: usize, end: usize): usize {
  return at < end && load<u8>(at) == 0x27 ? at + contraction(at, end) : at;
}

function o200k(at: usize, end: usize): usize {
  const first = <u32>load<u8>(at);
  const kind = classAt(at);
  const next = at + width(first);
  const prefix = !isNewline(first) && !(kind & (LETTER | NUMBER));
  let word: usize = 0;
  if (prefix && next < end) word = lowerWord(next, end);
  if (word == 0) word = lowerWord(at, end);
  if (word == 0 && prefix && next < end) word = upperWord(next, end);
  if (word == 0) word = upperWord(at, end);
  if (word != 0) return withContraction(word, end);
  if (kind & NUMBER) return numbersEnd(at, end, 3);
  if (!(kind & SPACE)) return trailing(othersEnd(next, end), end, true);
  if (first == 0x20 && next < end && !(classAt(next) & (SPACE | LETTER | NUMBER)))
    return trailing(othersEnd(next, end), end, true);
  return spacesEnd(at, end, true);
}
