/** Characters of valid UTF-8 and their classes. Reads may run up to 16 bytes past the end; the buffer has room. */
import { classBlocks, classIndex } from './layout.as';

export const LETTER: u32 = 1;
export const NUMBER: u32 = 2;
export const SPACE: u32 = 4;
export const MARK: u32 = 8;
export const UPPER: u32 = 16;
export const LOWER: u32 = 32;
export const NORMALIZE: u32 = 64;

/** Bytes of the character that begins with `lead`. */
// @ts-ignore: decorator
@inline
export function width(lead: u32): u32 {
  return lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

export function codePoint(at: usize): u32 {
  const a = <u32>load<u8>(at);
  if (a < 0x80) return a;
  const b = <u32>load<u8>(at, 1) & 0x3f;
  if (a < 0xe0) return ((a & 0x1f) << 6) | b;
  const c = <u32>load<u8>(at, 2) & 0x3f;
  if (a < 0xf0) return ((a & 0x0f) << 12) | (b << 6) | c;
  return ((a & 0x07) << 18) | (b << 12) | (c << 6) | (<u32>load<u8>(at, 3) & 0x3f);
}

// @ts-ignore: decorator
@inline
export function classOfCodePoint(cp: u32): u32 {
  return load<u8>(classBlocks + (<usize>load<u16>(classIndex + ((cp >> 7) << 1)) << 7) + (cp & 127));
}

/** Class of the character at `at`. */
// @ts-ignore: decorator
@inline
export function classAt(at: usize): u32 {
  const lead = <u32>load<u8>(at);
  return lead < 0x80 ? load<u8>(classBlocks + lead) : classOfCodePoint(codePoint(at));
}

/** End of the run of letters from `at`, 16 bytes at a time while they are ASCII. */
export function lettersEnd(at: usize, end: usize): usize {
  while (at < end) {
    const bytes = v128.load(at);
    // A letter is one whose lower-case form is at most 25 above 'a'.
    const lower = v128.or(bytes, i8x16.splat(0x20));
    const letters = i8x16.bitmask(i8x16.lt_u(i8x16.sub(lower, i8x16.splat(0x61)), i8x16.splat(26)));
    const run = <u32>ctz(~letters);
    if (run >= 16) {
      at += 16;
      continue;
    }
    at += run;
    if (at >= end) return end;
    const lead = <u32>load<u8>(at);
    if (lead < 0x80) return at;
    // Past ASCII: one character at a time, until one that is no letter or is ASCII again.
    let more = lead;
    do {
      if (!(classOfCodePoint(codePoint(at)) & LETTER)) return at;
      at += width(more);
      if (at >= end) return end;
      more = <u32>load<u8>(at);
    } while (more >= 0x80);
  }
  return end;
}
