import type { TokenizerFile } from './file.ts';
import { addCrossings, CROSSING_BYTES } from './crossings.ts';
import { addHumps, HUMP_BYTES } from './humps.ts';
import { fillBytePairs, fillFilter, fillPairs, firstMerged, MAX_RANKS, pairRoom, powerOfTwo } from './pairs.ts';
import { PATTERNS, type Recognised } from './recognise.ts';
import { classTable } from './unicode/classes.ts';

/**
 * A model as the kernel's memory holds it: what JSON takes 180 ms to become, as one block that is copied in 10 ms. It is what
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
  'merged',
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
  'firsts',
  'firstsCount',
  'prefixes',
  'prefixesCount',
  'seeds',
  'seedsCount',
  'pairFilter',
  'filterBits',
  'firstMerged',
  'humps',
] as const;

/** Where the image begins: below lie the kernel's own few globals. */
export const IMAGE_START = 1024;
/** Tokens that the word cache begins with: a quarter of it. */
export const MOST_SEEDS = 2 ** 16;
const INDEX_ENTRIES = 0x110000 >> 7;

/** Builds the image of a BPE file, or says in words why the kernel cannot do it. */
export function buildImage(file: TokenizerFile, how: Recognised): Image | string {
  const { merges } = file;
  if (merges.length / 3 >= MAX_RANKS) return 'it has too many merges';
  const tokens = tokenTable(file);
  const { buckets, bits } = pairRoom(merges.length / 3);
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
    bytePairs: place(65536 * 4),
    pairs: place(buckets * 32),
    pairMask: buckets - 1,
    pairFilter: place(2 ** bits / 8 + 32),
    filterBits: bits,
    firstMerged: firstMerged(merges),
    merged: place((merges.length / 3) * 4),
    vocabulary: place(vocabularySlots * 4),
    vocabularyMask: Math.max(0, vocabularySlots - 1),
    tokenOffsets: place(tokens.offsets.byteLength),
    tokenBytes: place(tokens.bytes.length + 16),
    crossings: place(CROSSING_BYTES),
    humps: place(HUMP_BYTES),
    seeds: place(MOST_SEEDS * 4),
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
  if (!fillBytes(u32, at32(layout.byteIds), tokens.byteIds)) return 'some byte has no token';
  if (!fillPairs(u32, at32(layout.pairs), layout.pairMask, merges)) return COLLIDING;
  fillFilter(u32, at32(layout.pairFilter), bits, merges);
  fillBytePairs(u32, at32(layout.bytePairs), tokens.byteIds, merges);
  for (let rank = 0; rank * 3 < merges.length; rank++) u32[at32(layout.merged) + rank] = merges[rank * 3 + 2]!;
  addCrossings(bytes.subarray(layout.crossings - IMAGE_START, layout.crossings - IMAGE_START + CROSSING_BYTES), tokens);
  addHumps(u32.subarray(at32(layout.humps), at32(layout.humps) + HUMP_BYTES / 4), tokens);
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
  const offsets = new Uint32Array(size + 1);
  const bytes = new Uint8Array(vocabulary.room);
  const byteIds = new Int32Array(256).fill(-1);
  let at = 0;
  for (let id = 0; id < size; id++) {
    offsets[id] = at;
    // A token with a character that stands for no byte can never come out of bytes: it has none.
    const count = vocabulary.write(id, bytes, at);
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

/** Why a file is not for the kernel: ids chosen so that a table becomes a list, 29 s to load for 60,000 merges. */
export const COLLIDING = 'its ids collide in the tables of the kernel';
