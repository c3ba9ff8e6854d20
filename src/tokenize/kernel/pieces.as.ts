/** Where words can be cut: at places that no token reaches across no merge does, so that the pieces can be encoded apart. */
import { crossings, humps } from './layout.as';
import { codePoint, width } from './text.as';

/** Of a word with other characters than ASCII, or a long one. */
export const BEYOND: u64 = ~(<u64>0);

// @ts-ignore: decorator
@inline
function isBetween(bytes: v128, first: u8): v128 {
  return i8x16.lt_u(i8x16.sub(bytes, i8x16.splat(<i8>first)), i8x16.splat(26));
}

/** Upper-case letters of a word that follow a lower-case one, a bit a byte; or BEYOND. */
export function humpsOf(at: usize, length: u32): u64 {
  if (length > 64) return BEYOND;
  let beyond: u64 = 0;
  let lower: u64 = 0;
  let upper: u64 = 0;
  for (let i: u32 = 0; i < length; i += 16) {
    const bytes = v128.load(at + <usize>i);
    beyond |= <u64>(<u32>i8x16.bitmask(bytes)) << i;
    lower |= <u64>(<u32>i8x16.bitmask(isBetween(bytes, 0x61))) << i;
    upper |= <u64>(<u32>i8x16.bitmask(isBetween(bytes, 0x41))) << i;
  }
  const word = ~(<u64>0) >> (64 - length);
  return (beyond & word) != 0 ? BEYOND : upper & (lower << 1) & word;
}

// @ts-ignore: decorator
@inline
function knows(hash: u32): u32 {
  const bits = load<u32>(humps + ((hash >>> 20) << 2));
  return (bits >>> ((hash >>> 15) & 31)) & (bits >>> ((hash >>> 10) & 31));
}

/**
 * Whether a token may reach across `at`, between a lower-case and an upper-case letter: it has three bytes on either side, or
 * begins or ends nearer, so nine are looked for (humps.ts). Bytes beside the word are looked at as if they were its: they can
 * only keep together what could be cut.
 */
export function isJoined(at: usize): bool {
  const before = load<u32>(at - 4);
  const after = load<u32>(at);
  const left3 = ((before >>> 8) | (3 << 24)) * 0x9e3779b1;
  const left2 = ((before >>> 16) | (2 << 24)) * 0x9e3779b1;
  const left1 = ((before >>> 24) | (1 << 24)) * 0x9e3779b1;
  const right3 = ((after & 0xffffff) | (3 << 24)) * 0x85ebca6b;
  const right2 = ((after & 0xffff) | (2 << 24)) * 0x85ebca6b;
  const right1 = ((after & 0xff) | (1 << 24)) * 0x85ebca6b;
  const known =
    knows(left3 + right3) |
    knows(left3 + right2) |
    knows(left3 + right1) |
    knows(left2 + right3) |
    knows(left2 + right2) |
    knows(left2 + right1) |
    knows(left1 + right3) |
    knows(left1 + right2) |
    knows(left1 + right1);
  return (known & 1) != 0;
}

/**
 * Bloom filter of the character pairs that some token contains: 2^21 bits, two of them a pair. A false positive only keeps
 * two pieces together.
 */
// @ts-ignore: decorator
@inline
function crosses(left: u32, right: u32): bool {
  let hash = left * 0x9e3779b1 + right * 0x85ebca6b;
  hash ^= hash >>> 15;
  hash *= 0x2c1b3c6d;
  const a = hash >>> 11;
  if (!((load<u8>(crossings + (a >> 3)) >> (a & 7)) & 1)) return false;
  const b = (hash * 0x297a2d39) >>> 11;
  return ((load<u8>(crossings + (b >> 3)) >> (b & 7)) & 1) != 0;
}

/** Behind the filter: bytes that some token ends with as the beginning of a character, or begins with as the end of one. */
const LEADS: u32 = 1 << 18;
const LASTS: u32 = LEADS + 256;
/** Keeps a single byte apart from a code point in the filter. */
const PART: u32 = 0x200000;

/** A token may hold two whole characters, or only the last bytes of the left or the first of the right. */
function canCross(left: u32, leftEnd: usize, right: u32, rightAt: usize): bool {
  if (crosses(left, right)) return true;
  const lead = <u32>load<u8>(rightAt);
  const last = <u32>load<u8>(leftEnd - 1);
  // Few tokens hold a part of a character: 81, 41 and 3 pairs in Qwen 2.5, nearly always of other bytes than these.
  const led = load<u8>(crossings + LEADS + lead) != 0;
  if (led && crosses(left, lead | PART)) return true;
  if (!load<u8>(crossings + LASTS + last)) return false;
  return crosses(last | PART, right) || (led && crosses(last | PART, lead | PART));
}

/** End of the piece that begins at `at`: the first place after it that no token reaches across. */
export function pieceEnd(at: usize, end: usize): usize {
  let left = codePoint(at);
  at += width(load<u8>(at));
  while (at < end) {
    const right = codePoint(at);
    // Between two ASCII characters tokens always reach across: not worth asking.
    if ((left | right) >= 0x80 && !canCross(left, at, right, at)) return at;
    left = right;
    at += width(load<u8>(at));
  }
  return end;
}

