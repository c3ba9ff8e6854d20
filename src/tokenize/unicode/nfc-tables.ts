import { COMBINING_CLASSES, COMPOSITES, REPLACED } from './nfc.data.ts';

/** Bit of a property beside the combining class in the low byte: NFC_Quick_Check is No or Maybe. */
export const UNSURE = 0x100;

/** What NFC needs to know, as the reference's normalizer has it: Unicode 9.0 in `tokenizers` 0.23.2. */
export interface NfcTables {
  /**
   * `properties[index[codePoint >> 7] * 128 + (codePoint & 127)]`: the combining class and [UNSURE]. 0 is a code point
   * that nothing before or after it changes, except that it may be the first of a composition.
   */
  readonly index: Uint8Array;
  readonly properties: Uint16Array;
  /** Whether any of the 64 code points from `64 * page` on has a property; the BMP's, where UTF-8 takes three bytes. */
  readonly pages: Uint8Array;
  /** Canonical decompositions, Hangul's aside. The first code point of one may decompose in its turn, no other. */
  readonly decompositions: ReadonlyMap<number, readonly number[]>;
  /** Second character, then first: what they compose to, Hangul's aside. There are 62 second characters. */
  readonly compositions: ReadonlyMap<number, ReadonlyMap<number, number>>;
}

let tables: NfcTables | undefined;

/** Made once (2 to 5 ms, cold), shared. */
export function nfcTables(): NfcTables {
  return (tables ??= makeTables());
}

const numbers = (base36: string): number[] =>
  base36
    .trim()
    .split(/\s+/)
    .map((number) => Number.parseInt(number, 36));

function makeTables(): NfcTables {
  const { replaced, decompositions, compositions } = readPairs();
  const index = new Uint8Array(0x110000 >> 7);
  const blocks = new Uint16Array(256 * 128);
  const pages = new Uint8Array(0x10000 >> 6);
  // Block 0 is all zeros, and where every block without a property points.
  let used = 1;
  const add = (codePoint: number, property: number) => {
    index[codePoint >> 7] ||= used++;
    blocks[index[codePoint >> 7]! * 128 + (codePoint & 127)]! |= property;
    if (codePoint < 0x10000) pages[codePoint >> 6] = 1;
  };
  const classes = numbers(COMBINING_CLASSES);
  for (let i = 0, codePoint = 0; i < classes.length; i += 3) {
    codePoint += classes[i]!;
    for (let left = classes[i + 1]!; left > 0; left--) add(codePoint++, classes[i + 2]!);
  }
  for (const codePoint of replaced) add(codePoint, UNSURE);
  for (const second of compositions.keys()) add(second, UNSURE);
  for (let vowel = 0x1161; vowel <= 0x1175; vowel++) add(vowel, UNSURE);
  for (let tail = 0x11a8; tail <= 0x11c2; tail++) add(tail, UNSURE);
  return { index, properties: blocks.slice(0, used * 128), pages, decompositions, compositions };
}

function readPairs(): Pick<NfcTables, 'decompositions' | 'compositions'> & { replaced: readonly number[] } {
  const decompositions = new Map<number, readonly number[]>();
  const compositions = new Map<number, Map<number, number>>();
  const singles = numbers(REPLACED);
  for (let i = 0, codePoint = 0; i < singles.length;) {
    codePoint += singles[i]!;
    const from = i + 2;
    i = from + singles[i + 1]!;
    decompositions.set(codePoint, singles.slice(from, i));
  }
  const replaced = [...decompositions.keys()];
  const pairs = numbers(COMPOSITES);
  for (let i = 0, codePoint = 0; i < pairs.length; i += 3) {
    codePoint += pairs[i]!;
    const first = pairs[i + 1]!;
    const second = pairs[i + 2]!;
    decompositions.set(codePoint, [first, second]);
    let withSecond = compositions.get(second);
    if (!withSecond) compositions.set(second, (withSecond = new Map()));
    withSecond.set(first, codePoint);
  }
  return { replaced, decompositions, compositions };
}
