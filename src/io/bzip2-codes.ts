import type { BitReader } from './bits.ts';

const LONGEST = 20;
/** Codes up to this long are looked up, longer ones searched for. */
const FAST = 10;

/** What stands before the symbols of a block. */
interface Codes {
  readonly codes: readonly HuffmanCode[];
  /** Which code each 50 symbols are in. */
  readonly selectors: Uint8Array;
  /** The bytes that occur, ascending. */
  readonly bytes: readonly number[];
}

export function readCodes(bits: BitReader): Codes {
  const bytes: number[] = [];
  const ranges = bits.read(16);
  for (let range = 0; range < 16; range++) {
    if ((ranges & (0x8000 >> range)) === 0) continue;
    const used = bits.read(16);
    for (let i = 0; i < 16; i++) if ((used & (0x8000 >> i)) !== 0) bytes.push(range * 16 + i);
  }
  const count = bits.read(3);
  if (bytes.length === 0 || count < 2 || count > 6) throw new Error('a block without bytes or codes');
  const selectors = new Uint8Array(bits.read(15));
  const front = Uint8Array.from({ length: count }, (_, i) => i);
  for (let i = 0; i < selectors.length; i++) {
    let at = 0;
    while (bits.read(1) === 1) if (++at >= count) throw new Error('a selector of a code that is not there');
    const selector = front[at]!;
    front.copyWithin(1, 0, at);
    front[0] = selector;
    selectors[i] = selector;
  }
  const codes: HuffmanCode[] = [];
  for (let i = 0; i < count; i++) codes.push(new HuffmanCode(readLengths(bits, bytes.length + 2)));
  return { codes, selectors, bytes };
}

function readLengths(bits: BitReader, symbols: number): Uint8Array {
  const lengths = new Uint8Array(symbols);
  let length = bits.read(5);
  for (let symbol = 0; symbol < symbols; symbol++) {
    for (;;) {
      if (length < 1 || length > LONGEST) throw new Error('a code longer than 20 bits');
      if (bits.read(1) === 0) break;
      length += bits.read(1) === 0 ? 1 : -1;
    }
    lengths[symbol] = length;
  }
  return lengths;
}

/** A canonical Huffman code. */
class HuffmanCode {
  /** By the next FAST bits: symbol * 32 + length; 0 for a longer code, or none. */
  private readonly fast = new Uint16Array(1 << FAST);
  /** Symbols by length, then value. */
  private readonly symbols: Uint16Array;
  /** By length: the code after the last one, and what added to a code gives its place in `symbols`. */
  private readonly ends = new Int32Array(LONGEST + 1);
  private readonly shifts = new Int32Array(LONGEST + 1);

  constructor(lengths: Uint8Array) {
    this.symbols = new Uint16Array(lengths.length);
    let code = 0;
    let place = 0;
    for (let length = 1; length <= LONGEST; length++) {
      code *= 2;
      this.shifts[length] = place - code;
      for (let symbol = 0; symbol < lengths.length; symbol++) {
        if (lengths[symbol] !== length) continue;
        if (code >= 1 << length) throw new Error('a code with more symbols than it has room for');
        if (length <= FAST) {
          const from = code << (FAST - length);
          this.fast.fill(symbol * 32 + length, from, from + (1 << (FAST - length)));
        }
        this.symbols[place++] = symbol;
        code += 1;
      }
      this.ends[length] = code;
    }
  }

  read(bits: BitReader): number {
    const found = this.fast[bits.peek(FAST)]!;
    if (found !== 0) {
      bits.skip(found & 31);
      return found >> 5;
    }
    for (let length = FAST + 1; length <= LONGEST; length++) {
      const code = bits.peek(length);
      if (code >= this.ends[length]!) continue;
      bits.skip(length);
      return this.symbols[code + this.shifts[length]!]!;
    }
    throw new Error('bits that are no symbol');
  }
}
