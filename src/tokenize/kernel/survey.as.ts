/** Whether a text needs more than the kernel: the beginning of an added token in it, or a character NFC looks at. */
import { firsts, firstsCount, prefixes, prefixesCount } from './layout.as';
import { classOfCodePoint, codePoint, NORMALIZE, width } from './text.as';

/** First bytes of added tokens that are looked for 16 bytes at a time; with more of them every text is surveyed as odd. */
export const MOST_FIRSTS: u32 = 4;

/** u64 pairs, mask and value: the first 8 bytes of each added token, fewer of a shorter one. */
function begins(at: usize): bool {
  const bytes = load<u64>(at);
  for (let i: u32 = 0; i < prefixesCount; i++) {
    const prefix = prefixes + (<usize>i << 4);
    if ((bytes & load<u64>(prefix)) == load<u64>(prefix, 8)) return true;
  }
  return false;
}

// @ts-ignore: decorator
@inline
function isFirst(bytes: v128, i: u32): v128 {
  return i8x16.eq(bytes, v128.load8_splat(firsts + <usize>i));
}

// @ts-ignore: decorator
@inline
function isBetween(bytes: v128, from: u8, to: u8): v128 {
  return i8x16.le_u(i8x16.sub(bytes, i8x16.splat(<i8>from)), i8x16.splat(<i8>(to - from)));
}

export const LITERALS: u32 = 1;
export const NFC: u32 = 2;

/**
 * True when the text [at, end) has none of `what`, so that its bytes can be encoded as they are; false also where an added
 * token only seems to begin. Nothing below U+0300 (CC 80) is changed by NFC, nor anything from U+4000 to U+9FFF (E4 to E9), where
 * nearly all of Chinese is.
 */
export function isPlain(at: usize, end: usize, what: u32): bool {
  const count = what & LITERALS ? firstsCount : 0;
  const nfc = (what & NFC) != 0;
  if (count > MOST_FIRSTS) return false;
  for (; at < end; at += 16) {
    const bytes = v128.load(at);
    if (count != 0) {
      let found = isFirst(bytes, 0);
      for (let i: u32 = 1; i < count; i++) found = v128.or(found, isFirst(bytes, i));
      for (let rest = i8x16.bitmask(found); rest != 0; rest &= rest - 1) if (begins(at + <usize>ctz(rest))) return false;
    }
    if (nfc && i8x16.bitmask(bytes) != 0) {
      const leads = v128.or(isBetween(bytes, 0xcc, 0xe3), isBetween(bytes, 0xea, 0xf4));
      for (let rest = i8x16.bitmask(leads); rest != 0; rest &= rest - 1) {
        const place = at + <usize>ctz(rest);
        if (place + width(load<u8>(place)) <= end && classOfCodePoint(codePoint(place)) & NORMALIZE) return false;
      }
    }
  }
  return true;
}
