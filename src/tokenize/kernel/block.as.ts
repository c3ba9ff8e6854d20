/**
 * Word ends of ASCII text, 64 bytes at a time: the split patterns as arithmetic on bit masks, a bit a byte. A block begins
 * where a word does, so nothing is carried from one to the next; what depends on bytes behind the block, or on characters
 * beyond ASCII, is left to the next block or to scan.as.ts.
 */
import { digits, pattern } from './layout.as';
import { CL100K, O200K } from './scan.as';

/** Bytes of a block. */
export const BLOCK: usize = 64;

// @ts-ignore: decorator
@inline
function join(a: i32, b: i32, c: i32, d: i32): u64 {
  return <u64>(<u32>(a | (b << 16))) | (<u64>(<u32>(c | (d << 16))) << 32);
}

// Byte compares are signed: adding 127 - last moves a class that ends with `last` to the top, where one compare finds it. Bytes
// above 127 come out below it, for all classes here.
// @ts-ignore: decorator
@inline
function inClass(bytes: v128, last: i8, count: i8): i32 {
  return i8x16.bitmask(i8x16.gt_s(i8x16.add(bytes, i8x16.splat(127 - last)), i8x16.splat(127 - count)));
}

/** Of 64 bytes those of a class: the `count` bytes that end with `last`. */
// @ts-ignore: decorator
@inline
function classOf(a: v128, b: v128, c: v128, d: v128, last: i8, count: i8): u64 {
  return join(inClass(a, last, count), inClass(b, last, count), inClass(c, last, count), inClass(d, last, count));
}

// @ts-ignore: decorator
@inline
function isByte(bytes: v128, byte: i8): i32 {
  return i8x16.bitmask(i8x16.eq(bytes, i8x16.splat(byte)));
}

// @ts-ignore: decorator
@inline
function byteOf(a: v128, b: v128, c: v128, d: v128, byte: i8): u64 {
  return join(isByte(a, byte), isByte(b, byte), isByte(c, byte), isByte(d, byte));
}

// @ts-ignore: decorator
@inline
function lowerCase(bytes: v128): v128 {
  return v128.or(bytes, i8x16.splat(0x20));
}

// @ts-ignore: decorator
@inline
function below(bit: u64): u64 {
  return bit >= 64 ? ~(<u64>0) : ((<u64>1) << bit) - 1;
}

/** Bytes of 's 't 're 've 'm 'll 'd after the apostrophe, or 0. */
function contraction(at: usize, anyCase: bool): u64 {
  const mask: u32 = anyCase ? 0x20 : 0;
  const a = <u32>load<u8>(at, 1) | mask;
  if (a == 0x73 || a == 0x74 || a == 0x6d || a == 0x64) return 2;
  const b = <u32>load<u8>(at, 2) | mask;
  return (a == 0x72 && b == 0x65) || (a == 0x76 && b == 0x65) || (a == 0x6c && b == 0x6c) ? 3 : 0;
}

/**
 * Starts of the words of white space, without the newlines that belong to what is `absorbed` before. A run with a newline is a
 * word up to its last newline; of the rest, the last character goes with what follows, the others are a word.
 */
// @ts-ignore: decorator
@inline
function spaceStarts(spaces: u64, newlines: u64, absorbed: u64): u64 {
  const free = spaces & ~absorbed;
  const plain = spaces & ~newlines;
  let indents = plain & (newlines << 1);
  // Nearly always white space after a newline is an indent; else it is a line of white space alone, inside the word.
  if (indents != 0 && (plain & (newlines >> 1)) != 0)
    for (let rest = indents; rest != 0; rest &= rest - 1) {
      const end = ctz(rest) + ctz(~(plain >> ctz(rest)));
      if (end < 64 && ((newlines >> end) & 1) != 0) indents &= ~(rest & (0 - rest));
    }
  return (free & ~(free << 1)) | (plain & ~(spaces >> 1)) | indents;
}

/** Starts of runs of digits cut into threes. */
// @ts-ignore: decorator
@inline
function threes(numbers: u64): u64 {
  let group = numbers & ~(numbers << 1);
  let starts = group;
  const fourth = numbers & (numbers << 1) & (numbers << 2) & (numbers << 3);
  if (fourth != 0)
    do {
      group = (group << 3) & fourth;
      starts |= group;
    } while (group != 0);
  return starts;
}

/** Starts of words in the block at `at`, where a word begins; bit 0 is set. Only those that are sure. */
// @ts-ignore: decorator
@inline
export function blockStarts(at: usize): u64 {
  const a = v128.load(at);
  const b = v128.load(at, 16);
  const c = v128.load(at, 32);
  const d = v128.load(at, 48);
  const beyond = join(i8x16.bitmask(a), i8x16.bitmask(b), i8x16.bitmask(c), i8x16.bitmask(d));
  const letters = classOf(lowerCase(a), lowerCase(b), lowerCase(c), lowerCase(d), 0x7a, 26);
  const numbers = classOf(a, b, c, d, 0x39, 10);
  const blanks = byteOf(a, b, c, d, 0x20);
  const spaces = classOf(a, b, c, d, 13, 5) | blanks;
  const apostrophes = byteOf(a, b, c, d, 0x27);
  const others = ~(letters | numbers | spaces | beyond);
  // Others that a space before them does not take: the first of their run.
  const first = others & ~((others | blanks) << 1);
  let known = <u64>ctz(beyond);
  let starts: u64;
  if (pattern == CL100K || pattern == O200K) {
    const newlines = byteOf(a, b, c, d, 10) | byteOf(a, b, c, d, 13);
    // Newlines right after others are theirs: the addition carries through their run.
    const after = (others << 1) & newlines;
    const absorbed = ((newlines + after) ^ newlines) & newlines;
    // What goes with the letters behind it.
    const prefix = (spaces & ~newlines) | first;
    starts = spaceStarts(spaces, newlines, absorbed) | first | (letters & ~((letters | prefix) << 1));
    if (pattern == CL100K) {
      starts |= digits == 1 ? numbers : threes(numbers);
      for (let rest = apostrophes & first & ~((spaces | numbers | others) >> 1); rest != 0; rest &= rest - 1) {
        const i = <u64>ctz(rest);
        if (i + 3 >= known) {
          known = min(known, i + 1);
          break;
        }
        const length = contraction(at + <usize>i, true);
        if (length != 0) starts |= ((<u64>1) << (i + length)) & letters;
      }
    } else {
      const upper = classOf(a, b, c, d, 0x5a, 26);
      starts |= threes(numbers) | (upper & ((letters & ~upper) << 1));
      // Others also take slashes after their newlines: rare, so not here.
      const odd = byteOf(a, b, c, d, 0x2f) & (absorbed << 1);
      if (odd != 0) known = min(known, <u64>ctz(odd));
      let behind: u64 = 64;
      for (let rest = apostrophes & (letters << 1); rest != 0; rest &= rest - 1) {
        const i = <u64>ctz(rest);
        if (i + 3 >= known) {
          known = min(known, i);
          break;
        }
        // After a contraction no second one.
        if (i == behind) continue;
        const length = contraction(at + <usize>i, true);
        if (length == 0) continue;
        behind = i + length;
        starts = (starts & ~(below(length) << i)) | (((<u64>1) << behind) & letters);
      }
    }
  } else {
    starts = (spaces & ~(spaces << 1)) | (spaces & ~(spaces >> 1)) | (others & ~((others | blanks) << 1));
    starts |= (letters & ~((letters | blanks) << 1)) | (numbers & ~((numbers | blanks) << 1));
    for (let rest = apostrophes & first; rest != 0; rest &= rest - 1) {
      const i = <u64>ctz(rest);
      if (i + 3 >= known) {
        known = min(known, i + 1);
        break;
      }
      const length = contraction(at + <usize>i, false);
      if (length != 0) starts = (starts & ~((<u64>2) << i)) | (((<u64>1) << (i + length)) & letters);
    }
  }
  // Of white space at the end only the first character is sure.
  if (known > 0 && ((spaces >> (known - 1)) & 1) != 0) known = 65 - clz(~spaces & below(known));
  return (starts & below(known)) | 1;
}

/**
 * Writes where the words of the block at `at` end to `ends`, but for the last, which may go on; returns how many. Up to
 * 64 of them, and 7 more that mean nothing.
 */
// @ts-ignore: decorator
@inline
export function blockEnds(at: usize, ends: usize): usize {
  let starts = blockStarts(at) & ~(<u64>1);
  const count = <usize>popcnt(starts);
  const last = ends + (count << 2);
  // Eight at a time: a branch for every word would be guessed wrong at the end of every block.
  while (ends < last) {
    for (let i = 0; i < 8; i++) {
      store<u32>(ends, <u32>at + <u32>ctz(starts));
      starts &= starts - 1;
      ends += 4;
    }
  }
  return count;
}
