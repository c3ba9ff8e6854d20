import type { TokenTable } from './image.ts';

/**
 * Which pairs of neighbouring characters some token contains, as a Bloom filter of 2^21 bits. Between two characters that
 * no token contains side by side no merge can ever happen, so a word can be cut there and its pieces encoded apart, with the
 * same ids. Qwen 2.5 has 26,653 such pairs beyond ASCII, Llama 3 14,441: a false positive rate under 0.1 %, and a false
 * positive only keeps two pieces together.
 *
 * A token may also hold only the last bytes of the left character or the first of the right one; for these the last or
 * first byte alone is noted (a coarser, so safe, key).
 */
export const CROSSING_BYTES = 2 ** 18 + 512;

/** Behind the filter: lead bytes of cut characters, then last bytes of cut characters, one flag each. */
const LEADS = 2 ** 18;
const LASTS = LEADS + 256;
/** Keeps a single byte apart from a code point in the filter. */
const PART_BIT = 0x200000;

export function addCrossings(filter: Uint8Array, { offsets, bytes }: TokenTable): void {
  for (let id = 0; id + 1 < offsets.length; id++) {
    const end = offsets[id + 1]!;
    let at = offsets[id]!;
    if (end - at < 2 || isAscii(bytes, at, end)) continue;
    let before = -1;
    while (at < end) {
      const lead = bytes[at]!;
      let width = lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
      let unit: number;
      if (lead >= 0x80 && lead < 0xc0) {
        // The end of a character that begins before the token: its last byte.
        width = 1;
        while (at + width < end && bytes[at + width]! >= 0x80 && bytes[at + width]! < 0xc0) width++;
        const last = bytes[at + width - 1]!;
        filter[LASTS + last] = 1;
        unit = last | PART_BIT;
      } else if (at + width > end) {
        // The beginning of one that ends after it: its lead byte.
        filter[LEADS + lead] = 1;
        unit = lead | PART_BIT;
      } else unit = codePoint(bytes, at, width);
      if (before >= 0) add(filter, before, unit);
      before = unit;
      at += width;
    }
  }
}

function isAscii(bytes: Uint8Array, at: number, end: number): boolean {
  for (let i = at; i < end; i++) if (bytes[i]! >= 0x80) return false;
  return true;
}

function codePoint(bytes: Uint8Array, at: number, width: number): number {
  const low = (i: number) => bytes[at + i]! & 0x3f;
  const lead = bytes[at]!;
  if (width === 1) return lead;
  if (width === 2) return ((lead & 0x1f) << 6) | low(1);
  if (width === 3) return ((lead & 0x0f) << 12) | (low(1) << 6) | low(2);
  return ((lead & 0x07) << 18) | (low(1) << 12) | (low(2) << 6) | low(3);
}

/** The hashes of `crosses` in kernel/words.as.ts. */
function add(filter: Uint8Array, left: number, right: number): void {
  let hash = (Math.imul(left, 0x9e3779b1) + Math.imul(right, 0x85ebca6b)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d) >>> 0;
  const a = hash >>> 11;
  const b = Math.imul(hash, 0x297a2d39) >>> 11;
  filter[a >> 3]! |= 1 << (a & 7);
  filter[b >> 3]! |= 1 << (b & 7);
}
