import type { BitReader } from './bits.ts';
import { readCodes } from './bzip2-codes.ts';

const OUTPUT_BYTES = 256 * 1024;
/** Symbols decoded with one code before the next selector says which. */
const GROUP = 50;
/** After four equal bytes comes how many more there are, at most this. */
const MOST_REPEATS = 255;

/** CRC-32, the highest bit first: zlib's has the lowest first. */
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 24;
  for (let bit = 0; bit < 8; bit++) crc = (crc << 1) ^ (crc < 0 ? 0x04c11db7 : 0);
  return crc;
});

/** One block of bzip2: Huffman codes, move-to-front, runs, the Burrows-Wheeler transform, and runs again. */
export class Bzip2Block {
  /** CRC-32 of what `write` gave. */
  checksum = 0;
  /** A byte each, and above it where the one after it stands. */
  private readonly next: Uint32Array;
  private length = 0;
  private origin = 0;

  /** `size`: bytes of a block before the last runs, 900,000 at the most. */
  constructor(size: number) {
    this.next = new Uint32Array(size);
  }

  /** Reads a block from behind its checksum. */
  read(bits: BitReader): void {
    if (bits.read(1) === 1) throw new Error('a randomised block, as bzip2 0.9 wrote');
    this.origin = bits.read(24);
    const { codes, selectors, bytes } = readCodes(bits);
    const { next } = this;
    const front = Uint8Array.from(bytes); // move-to-front
    const counts = new Uint32Array(256);
    const end = bytes.length + 1;
    let length = 0;
    let run = 0;
    let unit = 1;
    for (let group = 0; ; group++) {
      const code = codes[selectors[group] ?? -1];
      if (code === undefined) throw new Error('there are more symbols than selectors');
      for (let left = GROUP; left > 0; left--) {
        const symbol = code.read(bits);
        if (symbol < 2) {
          // A run's length, its digits 1 and 2, the lowest first.
          run += unit << symbol;
          unit *= 2;
          if (run > next.length) throw new Error('a run is longer than the block');
          continue;
        }
        if (run > 0) {
          if (length + run > next.length) throw new Error('the block is too long');
          const byte = front[0]!;
          next.fill(byte, length, length + run);
          counts[byte]! += run;
          length += run;
          run = 0;
          unit = 1;
        }
        if (symbol === end) {
          this.length = length;
          this.chain(counts);
          return;
        }
        if (symbol > end || length === next.length) throw new Error('the block is too long');
        const at = symbol - 1;
        const byte = front[at]!;
        if (at < 16) for (let i = at; i > 0; i--) front[i] = front[i - 1]!;
        else front.copyWithin(1, 0, at);
        front[0] = byte;
        next[length++] = byte;
        counts[byte]! += 1;
      }
    }
  }

  /** Undoes the transform: tells each byte where the one after it stands. */
  private chain(counts: Uint32Array): void {
    if (this.origin >= this.length) throw new Error('the block begins outside of itself');
    const { next, length } = this;
    const places = new Uint32Array(256);
    for (let byte = 1; byte < 256; byte++) places[byte] = places[byte - 1]! + counts[byte - 1]!;
    for (let i = 0; i < length; i++) next[places[next[i]! & 0xff]!++]! |= i << 8;
  }

  /** The bytes of the block. */
  *write(): Generator<Uint8Array> {
    const { next, length } = this;
    let out = new Uint8Array(OUTPUT_BYTES);
    let used = 0;
    let crc = 0xffffffff;
    let at = next[this.origin]! >>> 8;
    let last = -1;
    let equal = 0;
    for (let left = length; left > 0; left--) {
      const entry = next[at]!;
      const byte = entry & 0xff;
      at = entry >>> 8;
      let times = 1;
      let value = byte;
      if (equal === 4) {
        times = byte;
        value = last;
        equal = 0;
        last = -1;
      } else {
        equal = byte === last ? equal + 1 : 1;
        last = byte;
      }
      if (used + MOST_REPEATS > OUTPUT_BYTES) {
        yield out.subarray(0, used);
        out = new Uint8Array(OUTPUT_BYTES);
        used = 0;
      }
      for (; times > 0; times--) {
        out[used++] = value;
        crc = (crc << 8) ^ CRC[(crc >>> 24) ^ value]!;
      }
    }
    this.checksum = ~crc >>> 0;
    if (used > 0) yield out.subarray(0, used);
  }
}
