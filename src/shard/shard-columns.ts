import { untouched } from '../core/blocks.ts';
import { corpusCorrupt, messageOf } from '../core/errors.ts';
import type { Segment } from '../core/window.ts';
import { openForRead } from '../io/files.ts';
import { child, int32Of, integersOf, int64Of, type Lists, listsOf, rowsOf, textsOf } from './arrow-columns.ts';
import type { FileEntry, ShardEntry } from './manifest.ts';

/** Columns of all segments of a shard, one after the other; those of window k stand at `offsets[k]` to `offsets[k + 1]`. */
export interface SegmentColumns {
  readonly offsets: Int32Array;
  readonly start: Int32Array;
  readonly length: Int32Array;
  readonly split: Int32Array;
  readonly document: Int32Array;
  /** Place in `sources`. */
  readonly source: Int32Array;
  readonly sources: readonly string[];
  readonly documentOffset: Float64Array;
  readonly part: Int32Array;
  readonly group: Int32Array;
  readonly promptTokens: Int32Array;
}

/**
 * All of a shard's windows but their ids and block masks, as columns: some hundred bytes a window. Of a block mask (16 KiB
 * for 131072 tokens) only its place in the mask's file is kept: with them 30 shards would fill 64 MiB.
 */
export interface ShardColumns {
  readonly numTokens: Int32Array;
  readonly segments: SegmentColumns;
  /** Place of each window's policy in `policies`. */
  readonly policy: Int32Array;
  readonly policies: readonly string[];
  readonly cuSeqlens: Lists;
  readonly maxSeqlen: Int32Array;
  readonly allowedPairs: Float64Array;
  /** Byte in the mask's file, and bytes, of each window's block mask; `kind` is int16 under block diffusion. */
  readonly blockMask: BlockMaskPlaces;
  /** What it takes in memory. */
  readonly bytes: number;
}

/** Where block masks lie in their file. */
export interface BlockMaskPlaces {
  readonly at: Float64Array;
  /** Bytes. */
  readonly length: Int32Array;
  readonly kind: typeof Int16Array | typeof Int32Array;
}

export async function readShardColumns(dir: string, entry: ShardEntry, windowLength: number): Promise<ShardColumns> {
  const { path, mask, windows } = entry;
  const bytes = await readWithoutIds(`${dir}/${path}`, entry, windowLength);
  const maskBytes = await readListed(dir, mask);
  const ofWindows = decoded(path, () => windowColumns(bytes, windows));
  const ofMasks = decoded(mask.path, () => maskColumns(maskBytes, windows));
  const { start } = ofWindows.segments;
  return { ...ofWindows, ...ofMasks, bytes: 44 * start.length + 4 * ofMasks.cuSeqlens.values.length + 40 * windows };
}

function windowColumns(bytes: Uint8Array, windows: number) {
  const rows = rowsOf(bytes);
  const { offsets, items } = listsOf(child(rows, 'segments'), windows);
  const count = offsets[windows]!;
  const int32 = (name: string) => int32Of(child(items, name), count).slice();
  const source = int32('source');
  const sources = textsOf(child(items, 'source'));
  for (const place of source) if (!(place >= 0 && place < sources.length)) throw new Error(`it has no source ${place}`);
  const segments: SegmentColumns = {
    offsets,
    start: int32('start'),
    length: int32('length'),
    split: int32('split'),
    document: int32('document'),
    source,
    sources,
    documentOffset: int64Of(child(items, 'document_offset'), count),
    part: int32('part'),
    group: int32('group'),
    promptTokens: int32('prompt_tokens'),
  };
  return { numTokens: int32Of(child(rows, 'num_tokens'), windows).slice(), segments };
}

/** Copies what it keeps: a view would hold the block masks too. */
function maskColumns(bytes: Uint8Array, windows: number) {
  const rows = rowsOf(bytes);
  const { offsets, items } = listsOf(child(rows, 'cu_seqlens'), windows);
  const blocks = listsOf(child(rows, 'block_mask'), windows);
  const policies = textsOf(child(rows, 'policy'));
  const policy = int32Of(child(rows, 'policy'), windows).slice();
  for (const place of policy)
    if (!(place >= 0 && place < policies.length)) throw new Error(`it has no policy ${place}`);
  const at = new Float64Array(windows);
  let row = 0;
  let before = 0;
  let kind: BlockMaskPlaces['kind'] = Int32Array;
  for (const part of blocks.items) {
    const values = integersOf(part);
    const { buffer, byteOffset, BYTES_PER_ELEMENT: width } = values;
    kind = width === 2 ? Int16Array : Int32Array;
    if (buffer !== bytes.buffer) throw new Error('its block masks do not lie in it as they are');
    for (; row < windows && blocks.offsets[row + 1]! <= before + part.length; row++)
      at[row] = byteOffset - bytes.byteOffset + width * (blocks.offsets[row]! - before);
    before += part.length;
  }
  return {
    policy,
    policies,
    cuSeqlens: { offsets, values: int32Of(items, offsets[windows]!).slice() },
    maxSeqlen: int32Of(child(rows, 'max_seqlen'), windows).slice(),
    allowedPairs: int64Of(child(rows, 'allowed_pairs'), windows),
    blockMask: {
      at,
      length: Int32Array.from(at, (_, i) => kind.BYTES_PER_ELEMENT * (blocks.offsets[i + 1]! - blocks.offsets[i]!)),
      kind,
    },
  };
}

/** The segments of a window as objects: 20 ns each. */
export function segmentsOf({ offsets, sources, ...columns }: SegmentColumns, row: number): Segment[] {
  const segments: Segment[] = [];
  for (let i = offsets[row]!; i < offsets[row + 1]!; i++)
    segments.push({
      start: columns.start[i]!,
      length: columns.length[i]!,
      split: columns.split[i]!,
      document: columns.document[i]!,
      source: sources[columns.source[i]!]!,
      documentOffset: columns.documentOffset[i]!,
      part: columns.part[i]!,
      group: columns.group[i]!,
      promptTokens: columns.promptTokens[i]!,
    });
  return segments;
}

/** In a damaged file apache-arrow stumbles anywhere and throws anything. */
export function decoded<T>(path: string, decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    throw corpusCorrupt(path, 'its Arrow tables', messageOf(error));
  }
}

/**
 * A shard's file with zeros where its ids are: they are nearly all of it, and nobody looks at them here. Pages of a
 * large array that are never written take no memory, so this costs what is read.
 */
async function readWithoutIds(path: string, entry: ShardEntry, windowLength: number): Promise<Uint8Array> {
  const file = await openForRead(path);
  try {
    if (file.size !== entry.bytes)
      throw corpusCorrupt(path, 'size', `is ${file.size}, the manifest says ${entry.bytes}`);
    const bytes = untouched(file.size);
    let from = 0;
    for (const { windows, offset } of [...entry.batches, { windows: 0, offset: file.size }]) {
      bytes.set(await file.read(from, offset - from), from);
      from = offset + windows * windowLength * 4;
    }
    return bytes;
  } finally {
    await file.close();
  }
}

/** A whole file of the size its entry says: how much that may be is up to who wrote it, and not to a limit of ours. */
export async function readListed(
  dir: string,
  { path, bytes }: FileEntry,
  into?: Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  const file = await openForRead(`${dir}/${path}`);
  try {
    if (file.size !== bytes) throw corpusCorrupt(file.path, 'size', `is ${file.size}, ${bytes} are listed`);
    return await file.read(0, bytes, into && into.length >= bytes ? into : undefined);
  } finally {
    await file.close();
  }
}
