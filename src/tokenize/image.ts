import type { TokenizerFile } from './file.ts';
import { tokenBytes } from './alphabet.ts';
import { addCrossings, CROSSING_BYTES } from './crossings.ts';
import { PATTERNS, type Recognised } from './recognise.ts';
import { classTable } from './unicode/classes.ts';

/**
 * A model as the kernel's memory holds it: what JSON takes 300 ms to become, as one block that is copied in 10 ms. It is what
 * the model cache keeps and what workers are given.
 */
export interface Image {
  readonly bytes: Uint8Array;
  /** Kernel settings in the order of layout.as.ts, by name; offsets are from the start of memory. */
  readonly layout: Readonly<Record<(typeof LAYOUT)[number], number>>;
}

/** Names and order of the kernel's settings. */
export const LAYOUT = [
  'classIndex',
  'classBlocks',
  'byteIds',
  'bytePairs',
  'pairs',
  'pairMask',
  'words',
  'wordMask',
  'longWords',
  'longMask',
  'arena',
  'arenaSize',
  'vocabulary',
  'vocabularyMask',
  'tokenOffsets',
  'tokenBytes',
  'crossings',
  'ends',
  'scratch',
  'masks',
  'pattern',
  'digits',
  'ignoreMerges',
] as const;

/** Where the image begins: below lie the kernel's own few globals. */
export const IMAGE_START = 1024;
const NONE = 0xffffffff;
const INDEX_ENTRIES = 0x110000 >> 7;

const powerOfTwo = (least: number): number => 2 ** Math.ceil(Math.log2(Math.max(2, least)));

/** Builds the image of a BPE file; undefined when some byte has no token of its own. */
export function buildImage(file: TokenizerFile, how: Recognised): Image | undefined {
  const { merges } = file;
  const tokens = tokenTable(file);
  const pairSlots = powerOfTwo((merges.length / 3) * 2);
  const vocabularySlots = how.ignoreMerges ? powerOfTwo(file.vocabulary.length * 2) : 0;
  const { index, blocks } = classTable();
  let end = IMAGE_START;
  const place = (bytes: number): number => {
    const at = end;
    end = (end + bytes + 63) & ~63;
    return at;
  };
  const layout = {
    ...(Object.fromEntries(LAYOUT.map((name) => [name, 0])) as Record<(typeof LAYOUT)[number], number>),
    classIndex: place(INDEX_ENTRIES * 2),
    classBlocks: place(blocks.length),
    byteIds: place(256 * 4),
    bytePairs: place(65536 * 8),
    pairs: place(pairSlots * 16),
    pairMask: pairSlots - 1,
    vocabulary: place(vocabularySlots * 4),
    vocabularyMask: Math.max(0, vocabularySlots - 1),
    tokenOffsets: place(tokens.offsets.byteLength),
    tokenBytes: place(tokens.bytes.length + 16),
    crossings: place(CROSSING_BYTES),
    masks: place(17 * 16),
    pattern: PATTERNS[how.pattern],
    digits: how.digits,
    ignoreMerges: how.ignoreMerges ? 1 : 0,
  };
  // Shared memory: workers are given the image without a copy.
  const bytes = new Uint8Array(new SharedArrayBuffer(end - IMAGE_START));
  const u32 = new Uint32Array(bytes.buffer);
  const at32 = (offset: number): number => (offset - IMAGE_START) / 4;
  new Uint16Array(bytes.buffer, layout.classIndex - IMAGE_START, INDEX_ENTRIES).set(index);
  bytes.set(blocks, layout.classBlocks - IMAGE_START);
  for (let length = 0; length <= 16; length++)
    bytes.fill(0xff, layout.masks - IMAGE_START + length * 16, layout.masks - IMAGE_START + length * 17);
  u32.set(tokens.offsets, at32(layout.tokenOffsets));
  bytes.set(tokens.bytes, layout.tokenBytes - IMAGE_START);
  if (!fillBytes(u32, at32(layout.byteIds), tokens.byteIds)) return undefined;
  fillPairs(u32, at32(layout.pairs), layout.pairMask, merges);
  fillBytePairs(u32, at32(layout.bytePairs), tokens.byteIds, merges);
  addCrossings(bytes.subarray(layout.crossings - IMAGE_START, layout.crossings - IMAGE_START + CROSSING_BYTES), tokens);
  return { bytes, layout };
}

/** Bytes of every token of the model, by id: [offsets[id], offsets[id + 1]). */
export interface TokenTable {
  readonly offsets: Uint32Array;
  readonly bytes: Uint8Array;
  /** Id of each single byte, -1 where it is no token. */
  readonly byteIds: Int32Array;
}

function tokenTable({ vocabulary, size }: TokenizerFile): TokenTable {
  const names: string[] = [];
  let length = 0;
  for (const [token, id] of vocabulary) {
    names[id] = token;
    length += token.length;
  }
  const offsets = new Uint32Array(size + 1);
  const bytes = new Uint8Array(length);
  const byteIds = new Int32Array(256).fill(-1);
  let at = 0;
  for (let id = 0; id < size; id++) {
    offsets[id] = at;
    const token = names[id];
    // A token with a character that stands for no byte can never come out of bytes: it has none.
    const count = token === undefined ? 0 : Math.max(0, tokenBytes(token, bytes, at));
    if (count === 1) byteIds[bytes[at]!] = id;
    at += count;
  }
  offsets[size] = at;
  return { offsets, bytes: bytes.subarray(0, at), byteIds };
}

function fillBytes(u32: Uint32Array, at: number, byteIds: Int32Array): boolean {
  for (let byte = 0; byte < 256; byte++) {
    if (byteIds[byte]! < 0) return false;
    u32[at + byte] = byteIds[byte]!;
  }
  return true;
}

/** Open addressing by the hash of kernel/merge.as.ts; of a pair that is listed twice the later rank holds, as in the reference. */
function fillPairs(u32: Uint32Array, at: number, mask: number, merges: Int32Array): void {
  u32.fill(NONE, at, at + (mask + 1) * 4);
  for (let rank = 0; rank * 3 < merges.length; rank++) {
    const left = merges[rank * 3]!;
    const right = merges[rank * 3 + 1]!;
    let hash = (Math.imul(left, 0x9e3779b1) + Math.imul(right, 0x85ebca6b)) >>> 0;
    hash = Math.imul(hash ^ (hash >>> 15), 0xc2b2ae35) >>> 0;
    let slot = (hash ^ (hash >>> 13)) & mask;
    for (;;) {
      const o = at + slot * 4;
      const known = u32[o] === left && u32[o + 1] === right;
      if (u32[o] === NONE || known) {
        u32[o] = left;
        u32[o + 1] = right;
        u32[o + 2] = rank;
        u32[o + 3] = merges[rank * 3 + 2]!;
        break;
      }
      slot = (slot + 1) & mask;
    }
  }
}

/** The first merges of every word are of two bytes: 512 KiB that stay in the cache, instead of the 8 MiB table. */
function fillBytePairs(u32: Uint32Array, at: number, byteIds: Int32Array, merges: Int32Array): void {
  u32.fill(NONE, at, at + 65536 * 2);
  const byteOf = new Map(Array.from(byteIds, (id, byte) => [id, byte]));
  for (let rank = 0; rank * 3 < merges.length; rank++) {
    const left = byteOf.get(merges[rank * 3]!);
    if (left === undefined) continue;
    const right = byteOf.get(merges[rank * 3 + 1]!);
    if (right === undefined) continue;
    const o = at + ((left << 8) | right) * 2;
    u32[o] = merges[rank * 3 + 2]!;
    u32[o + 1] = rank;
  }
}
