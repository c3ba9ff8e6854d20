import { corpusCorrupt, corpusIncomplete, corpusNotFound, messageOf, noisePassMissing } from '../core/errors.ts';
import { MAX_METADATA_BYTES } from '../core/limits.ts';
import type { Segment } from '../core/window.ts';
import { exists, listFolder, openForRead, readAll, type ReadHandle, stat } from '../io/files.ts';
import { readArrow } from './arrow.ts';
import type { Corpus, NoisePass, WindowLayout } from './corpus.ts';
import { FORMAT, type Manifest, type ShardEntry } from './manifest.ts';
import { readNoise } from './noise.ts';
import { MANIFEST, passPath, passReceiptPath, PLAN, type PassReceipt } from './receipt.ts';

const parseJson = async (path: string): Promise<unknown> =>
  JSON.parse(new TextDecoder().decode(await readAll(path, MAX_METADATA_BYTES)));

/** The manifest of a finished corpus; CORPUS_NOT_FOUND, CORPUS_INCOMPLETE or CORPUS_CORRUPT without one. */
export async function readManifest(dir: string): Promise<Manifest> {
  const path = `${dir}/${MANIFEST}`;
  if (!(await exists(path))) {
    if (!(await exists(`${dir}/${PLAN}`))) throw corpusNotFound(dir);
    const { splits } = (await parseJson(`${dir}/${PLAN}`)) as { splits: unknown[] };
    const done = (await exists(`${dir}/receipts`)) ? (await listFolder(`${dir}/receipts`)).length : 0;
    throw corpusIncomplete(dir, done, splits.length);
  }
  let manifest: Manifest;
  try {
    manifest = (await parseJson(path)) as Manifest;
  } catch (error) {
    throw corpusCorrupt(path, 'the manifest', error instanceof Error ? error.message : String(error));
  }
  if (manifest.format !== FORMAT)
    throw corpusCorrupt(path, 'format', `is ${JSON.stringify(manifest.format)}, this version reads ${String(FORMAT)}`);
  return manifest;
}

/** Opens a finished corpus. Ids are read by position, without a copy of anything else. */
export async function openCorpus(dir: string): Promise<Corpus> {
  const manifest = await readManifest(dir);
  const shards: { entry: ShardEntry; first: number }[] = manifest.splits.flatMap((split) =>
    split.shards.map((entry) => ({ entry, first: split.firstWindow + entry.firstWindow })),
  );
  const passes = await countPasses(dir);
  const find = (window: number) => {
    const shard = shards.find(({ entry, first }) => window >= first && window < first + entry.windows);
    if (!shard) throw new RangeError(`the corpus has no window ${window}`);
    return { entry: shard.entry, row: window - shard.first };
  };
  const small = lastUsed((path: string) => {
    const { entry } = shards.find((shard) => shard.entry.path === path)!;
    return readSmallColumns(dir, entry, manifest.windowLength);
  });
  const handles = new Map<string, Promise<ReadHandle>>();
  const handleOf = (path: string) => {
    const known = handles.get(path) ?? openForRead(`${dir}/${path}`);
    handles.set(path, known);
    return known;
  };
  const layout = async (window: number): Promise<WindowLayout> => {
    const { entry, row } = find(window);
    const columns = await small(entry.path);
    return { window, subset: entry.subset, ...columns(row) };
  };
  return {
    dir,
    manifest,
    passes,
    numbers: (subset) =>
      Int32Array.from(
        shards
          .filter(({ entry }) => entry.subset === subset)
          .flatMap(({ entry, first }) => Array.from({ length: entry.windows }, (_, i) => first + i)),
      ),
    async read(window) {
      const { entry, row } = find(window);
      const bytes = manifest.windowLength * 4;
      const handle = await handleOf(entry.path);
      const ids = await handle.read(idsOffset(entry, row, bytes), bytes);
      return { ...(await layout(window)), inputIds: new Int32Array(ids.buffer) };
    },
    layout,
    async noise(pass) {
      if (pass >= passes) throw noisePassMissing(dir, pass, passes);
      const path = `${dir}/${passPath(pass)}`;
      const bytes = await readAll(path, MAX_METADATA_BYTES);
      const read = decoded(path, () => readNoise(bytes));
      if (read.plan !== manifest.plan) throw corpusCorrupt(path, 'plan', 'it belongs to another plan');
      return { ...read, row: (window) => decoded(path, () => read.row(window)) } satisfies NoisePass;
    },
    async close() {
      for (const handle of handles.values()) await (await handle).close();
      handles.clear();
    },
  };
}

/** Byte offset of a window's ids in its shard. */
function idsOffset(entry: ShardEntry, row: number, bytes: number): number {
  let left = row;
  for (const { windows, offset } of entry.batches) {
    if (left < windows) return offset + left * bytes;
    left -= windows;
  }
  throw corpusCorrupt(entry.path, `window ${row}`, 'no record batch has it');
}

type SmallColumns = (row: number) => Omit<WindowLayout, 'window' | 'subset'>;

async function readSmallColumns(dir: string, entry: ShardEntry, windowLength: number): Promise<SmallColumns> {
  const { path, mask } = entry;
  const bytes = await readWithoutIds(`${dir}/${path}`, entry, windowLength);
  const maskBytes = await readAll(`${dir}/${mask.path}`, mask.bytes);
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
function decoded<T>(path: string, decode: () => T): T {
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

/** Remembers the results for the last few keys: a trainer jumps between shards in training order. */
function lastUsed<T>(make: (key: string) => Promise<T>, keep = 4): (key: string) => Promise<T> {
  const known = new Map<string, Promise<T>>();
  return (key) => {
    const value = known.get(key) ?? make(key);
    known.delete(key);
    known.set(key, value);
    for (const oldest of known.keys()) {
      if (known.size <= keep) break;
      known.delete(oldest);
    }
    return value;
  };
}

async function countPasses(dir: string): Promise<number> {
  let passes = 0;
  while (await exists(`${dir}/${passReceiptPath(passes)}`)) passes++;
  return passes;
}

export async function readPassReceipt(dir: string, pass: number): Promise<PassReceipt | undefined> {
  const path = `${dir}/${passReceiptPath(pass)}`;
  return (await exists(path)) ? ((await parseJson(path)) as PassReceipt) : undefined;
}

/** The corpus folder under `parent` whose manifest was written last. */
export async function newestCorpus(parent: string): Promise<string> {
  let newest: { dir: string; time: number } | undefined;
  for (const name of (await exists(parent)) ? await listFolder(parent) : []) {
    const dir = `${parent}/${name}`;
    const time = (await stat(`${dir}/${MANIFEST}`))?.modified;
    if (time !== undefined && (!newest || time > newest.time)) newest = { dir, time };
  }
  if (!newest) throw corpusNotFound(parent);
  return newest.dir;
}
