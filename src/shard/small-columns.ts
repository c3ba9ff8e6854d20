import { corpusCorrupt, messageOf } from '../core/errors.ts';
import type { Segment } from '../core/window.ts';
import { openForRead } from '../io/files.ts';
import { readArrow } from './arrow.ts';
import type { WindowLayout } from './corpus.ts';
import type { FileEntry, ShardEntry } from './manifest.ts';

export type SmallColumns = (row: number) => Omit<WindowLayout, 'window' | 'subset'>;

/** Everything of a shard's windows but their ids. */
export async function readSmallColumns(dir: string, entry: ShardEntry, windowLength: number): Promise<SmallColumns> {
  const { path, mask } = entry;
  const bytes = await readWithoutIds(`${dir}/${path}`, entry, windowLength);
  const maskBytes = await readListed(dir, mask);
  const windows = decoded(path, () => readArrow(bytes));
  const masks = decoded(mask.path, () => readArrow(maskBytes));
  return (row) => ({
    ...decoded(path, () => {
      const window = windows.get(row)!;
      return { numTokens: window.num_tokens as number, segments: [...window.segments].map(segmentOf) };
    }),
    mask: decoded(mask.path, () => {
      const of = masks.get(row)!;
      return {
        cuSeqlens: of.cu_seqlens.toArray() as Int32Array,
        maxSeqlen: of.max_seqlen as number,
        blockMask: of.block_mask.toArray() as Int32Array,
        allowedPairs: Number(of.allowed_pairs),
      };
    }),
  });
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
 * fresh array that are never written take no memory, so this costs what is read.
 */
async function readWithoutIds(path: string, entry: ShardEntry, windowLength: number): Promise<Uint8Array> {
  const file = await openForRead(path);
  try {
    if (file.size !== entry.bytes)
      throw corpusCorrupt(path, 'size', `is ${file.size}, the manifest says ${entry.bytes}`);
    const bytes = new Uint8Array(file.size);
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

type SegmentRow = Record<'start' | 'length' | 'split' | 'document' | 'part' | 'group' | 'prompt_tokens', number> & {
  source: string;
  document_offset: bigint;
};
const segmentOf = (row: SegmentRow): Segment => ({
  start: row.start,
  length: row.length,
  split: row.split,
  document: row.document,
  source: row.source,
  documentOffset: Number(row.document_offset),
  part: row.part,
  group: row.group,
  promptTokens: row.prompt_tokens,
});

/** A whole file of the size its entry says: how much that may be is up to who wrote it, and not to a limit of ours. */
export async function readListed(dir: string, { path, bytes }: FileEntry): Promise<Uint8Array<ArrayBuffer>> {
  const file = await openForRead(`${dir}/${path}`);
  try {
    if (file.size !== bytes) throw corpusCorrupt(file.path, 'size', `is ${file.size}, ${bytes} are listed`);
    return await file.read(0, bytes);
  } finally {
    await file.close();
  }
}
