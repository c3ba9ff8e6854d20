import { RUNS, VALUES } from './classes.data.ts';

/**
 * What split patterns and NFC ask about a code point, as the reference (Hugging Face's Rust `tokenizers`) answers it:
 * Oniguruma's classes, Unicode 16.0 in 0.23.2. V8's differ by thousands of code points, and from one Node to the next.
 */
export const CLASS = {
  /** \p{L}. Neither upper nor lower: \p{Lm} or \p{Lo}. */
  letter: 1,
  /** \p{N}. */
  number: 2,
  /** \s: White_Space, so with U+0085 and without U+FEFF, where JavaScript's \s has it the other way round. */
  space: 4,
  /** \p{M}. */
  mark: 8,
  /** \p{Lu} or \p{Lt}. */
  upper: 16,
  /** \p{Ll}. */
  lower: 32,
  /**
   * NFC may change it, or it may change under a neighbour: NFC_Quick_Check is No or Maybe, or its combining class is
   * not 0. This one is of the normalizer's tables: Unicode 9.0 in 0.23.2. Text with none of these is in NFC.
   */
  unsettled: 64,
} as const;

/** Code points in a block of the class table; a power of 2. Beyond 128 the table grows, below it the index does. */
const BLOCK = 128;
const SHIFT = 7;

export interface ClassTable {
  /** Number of the block of a code point: `index[codePoint >> 7]`. */
  readonly index: Uint16Array;
  /** Bits of [CLASS]: `blocks[index[codePoint >> 7] * 128 + (codePoint & 127)]`. */
  readonly blocks: Uint8Array;
}

let table: ClassTable | undefined;

/** The table of all code points, 47 KiB; surrogates are of no class. Made once (1 to 4 ms, cold); not to be written to. */
export function classTable(): ClassTable {
  return (table ??= makeTable());
}

/** The bits of [CLASS] of one code point. */
export function classOf(codePoint: number): number {
  const { index, blocks } = classTable();
  return blocks[index[codePoint >> SHIFT]! * BLOCK + (codePoint & (BLOCK - 1))]!;
}

function makeTable(): ClassTable {
  const index = new Uint16Array(0x110000 / BLOCK);
  // 237 are used; a run beyond the room would be lost, and the tests say so.
  const blocks = new Uint8Array(512 * BLOCK);
  let used = 0;
  // Most blocks are of one value all through, and share one for each value.
  const uniform = new Map<number, number>();
  const uniformBlock = (value: number): number => {
    let block = uniform.get(value);
    if (block === undefined) {
      uniform.set(value, (block = used++));
      blocks.fill(value, block * BLOCK, (block + 1) * BLOCK);
    }
    return block;
  };
  let start = 0;
  // Runs as they come: the block that a run starts in the middle of has been opened by the run before.
  const add = (value: number, end: number) => {
    while (start < end) {
      const block = start >> SHIFT;
      const offset = start & (BLOCK - 1);
      const whole = (end >> SHIFT) - block;
      if (offset === 0 && whole > 0) {
        index.fill(uniformBlock(value), block, block + whole);
        start += whole << SHIFT;
        continue;
      }
      if (offset === 0) index[block] = used++;
      const length = Math.min(BLOCK - offset, end - start);
      const at = index[block]! * BLOCK + offset;
      blocks.fill(value, at, at + length);
      start += length;
    }
  };
  let value = 0;
  let length = 0;
  for (let i = 0; i < RUNS.length; i++) {
    const c = RUNS.charCodeAt(i);
    if (c >= 0x61) length = length * 36 + c - 0x57;
    else if (c >= 0x41) {
      add(value, start + length);
      value = VALUES[c - 0x41]!;
      length = 0;
    } else if (c >= 0x30) length = length * 36 + c - 0x30;
  }
  add(value, start + length);
  return { index, blocks: blocks.slice(0, used * BLOCK) };
}
