import { corpusCorrupt, corpusIncomplete, corpusNotFound, noisePassMissing } from '../core/errors.ts';
import { noiseForm } from '../core/noise.ts';
import type { Segment } from '../core/window.ts';
import { exists, listFolder, stat } from '../io/files.ts';
import { readerInto } from '../io/read-into.ts';
import { readChecked } from './check.ts';
import type { Corpus, NoisePass, WindowLayout } from './corpus.ts';
import { lastUsed } from './last-used.ts';
import type { Manifest, ShardEntry } from './manifest.ts';
import { readNoise } from './noise-read.ts';
import { firstNumbers, lastReceipt, type Numbered } from './numbers.ts';
import { bitsOffset } from './bits.ts';
import {
  bitsReceiptPath,
  type BitsReceipt,
  MANIFEST,
  maskReceiptPath,
  type MaskReceipt,
  passReceiptPath,
  PLAN,
  type PassReceipt,
} from './receipt.ts';
import { decoded, readShardColumns, segmentsOf, type ShardColumns } from './shard-columns.ts';

/** Bytes of boundaries that are kept (those of 1,000 shards of long windows), and files kept open. */
const KEEP_COLUMNS = 64 * 1024 * 1024;
const KEEP_OPEN = 64;

/** The manifest of a finished corpus; CORPUS_NOT_FOUND, CORPUS_INCOMPLETE or CORPUS_CORRUPT without one. */
export async function readManifest(dir: string): Promise<Manifest> {
  const path = `${dir}/${MANIFEST}`;
  if (await exists(path)) return readChecked<Manifest>('manifest', path);
  if (!(await exists(`${dir}/${PLAN}`))) throw corpusNotFound(dir);
  const { splits } = await readChecked<{ splits: Numbered[] }>('plan', `${dir}/${PLAN}`);
  const receipts = new Set(await listFolder(`${dir}/receipts`));
  const first = firstNumbers(splits);
  const done = splits.filter((entry, i) => receipts.has(lastReceipt(entry, first[i]!).slice('receipts/'.length)));
  throw corpusIncomplete(dir, done.length, splits.length);
}

/** A corpus on disk: a window's boundaries also as columns, for what takes many windows. */
export interface StoredCorpus extends Corpus {
  columns(window: number): Promise<{ readonly columns: ShardColumns; readonly row: number }>;
  /** What stands where in a window, and its attention groups: no read of its own. */
  boundaries(window: number): Promise<{
    readonly numTokens: number;
    readonly segments: readonly Segment[];
    readonly cuSeqlens: Int32Array;
  }>;
  /** The stored bits of a window in a pass, into [ceil(window length / 8)]; false where the pass has none. */
  readBits(pass: number, window: number, into: Uint8Array): Promise<boolean>;
}

interface Shard {
  readonly entry: ShardEntry;
  /** Global number of its first window. */
  readonly first: number;
}

/** Opens a finished corpus. Ids are read by position, without a copy of anything else; reads of them block the thread. */
export async function openCorpus(dir: string): Promise<StoredCorpus> {
  const manifest = await readManifest(dir);
  const shards: readonly Shard[] = manifest.splits.flatMap((split) =>
    split.shards.map((entry) => ({ entry, first: split.firstWindow + entry.firstWindow })),
  );
  const passes = await countPasses(dir);
  const { windowLength } = manifest;
  const small = lastUsed(
    (entry: ShardEntry) => readShardColumns(dir, entry, windowLength),
    (columns: ShardColumns) => columns.bytes,
    KEEP_COLUMNS,
  );
  const files = readerInto(KEEP_OPEN);
  const bits = new Map<number, BitsReceipt | undefined>();
  /** Block masks are read here and copied: 4 us for 16 KiB, 10 into fresh memory. */
  let scratch = new Uint8Array(0);
  const readIds = (window: number, into: Int32Array): void => {
    const { entry, row } = find(shards, window);
    if (into.length !== windowLength) throw new RangeError(`a window has ${windowLength} ids, not ${into.length}`);
    files.read(`${dir}/${entry.path}`, idsOffset(entry, row, windowLength * 4), bytesOf(into));
  };
  const layout = async (window: number): Promise<WindowLayout> => {
    const { entry, row } = find(shards, window);
    const columns = await small(entry);
    const { cuSeqlens, maxSeqlen, allowedPairs } = columns;
    const length = columns.blockMask.length[row]!;
    if (scratch.length < length) scratch = new Uint8Array(length);
    const blockMask = scratch.subarray(0, length);
    files.read(`${dir}/${entry.mask.path}`, columns.blockMask.at[row]!, blockMask);
    return {
      window,
      subset: entry.subset,
      numTokens: columns.numTokens[row]!,
      segments: segmentsOf(columns.segments, row),
      mask: {
        policy: columns.policies[columns.policy[row]!]!,
        cuSeqlens: cuSeqlens.values.slice(cuSeqlens.offsets[row], cuSeqlens.offsets[row + 1]),
        maxSeqlen: maxSeqlen[row]!,
        blockMask: new columns.blockMask.kind(blockMask.slice().buffer),
        allowedPairs: allowedPairs[row]!,
      },
    };
  };
  return {
    dir,
    manifest,
    passes,
    numbers(subset) {
      const numbers = new Int32Array(manifest.windows[subset]);
      let at = 0;
      for (const { entry, first } of shards)
        if (entry.subset === subset) for (let i = 0; i < entry.windows; i++) numbers[at++] = first + i;
      return numbers;
    },
    async read(window, inputIds = new Int32Array(Buffer.allocUnsafeSlow(4 * windowLength).buffer)) {
      readIds(window, inputIds);
      return { ...(await layout(window)), inputIds };
    },
    layout,
    readIds,
    async columns(window) {
      const { entry, row } = find(shards, window);
      return { row, columns: await small(entry) };
    },
    async boundaries(window) {
      const { entry, row } = find(shards, window);
      const { numTokens, segments, cuSeqlens } = await small(entry);
      return {
        numTokens: numTokens[row]!,
        segments: segmentsOf(segments, row),
        cuSeqlens: cuSeqlens.values.subarray(cuSeqlens.offsets[row], cuSeqlens.offsets[row + 1]),
      };
    },
    async readBits(pass, window, into) {
      if (!bits.has(pass)) bits.set(pass, await readBitsReceipt(dir, pass));
      const receipt = bits.get(pass);
      if (!receipt) return false;
      files.read(`${dir}/${receipt.path}`, bitsOffset(receipt, window, into.length), into);
      return true;
    },
    async noise(pass) {
      const receipt = await readPassReceipt(dir, pass);
      if (!receipt) throw noisePassMissing(dir, pass, passes);
      const path = `${dir}/${receipt.path}`;
      if (receipt.plan !== manifest.plan) throw corpusCorrupt(path, 'plan', 'it belongs to another plan');
      const size = (await stat(path))?.size;
      if (size !== receipt.bytes) throw corpusCorrupt(path, 'size', `is ${size}, ${receipt.bytes} are listed`);
      const at = (position: number, target: Uint8Array): void => files.read(path, position, target);
      const read = decoded(path, () => readNoise(receipt, noiseForm(receipt.settings), at));
      return { ...read, row: (window) => decoded(path, () => read.row(window)) } satisfies NoisePass;
    },
    close: async () => files.close(),
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** The shard of a window and its row there; `shards` stand in the order of their windows, without gaps. */
function find(shards: readonly Shard[], window: number): { entry: ShardEntry; row: number } {
  let [low, high] = [0, shards.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (shards[middle]!.first <= window) low = middle;
    else high = middle;
  }
  const shard = shards[low];
  const row = window - (shard?.first ?? 0);
  if (!shard || !(row >= 0 && row < shard.entry.windows)) throw new RangeError(`the corpus has no window ${window}`);
  return { entry: shard.entry, row };
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

async function countPasses(dir: string): Promise<number> {
  let passes = 0;
  while (await exists(`${dir}/${passReceiptPath(passes)}`)) passes++;
  return passes;
}

export async function readPassReceipt(dir: string, pass: number): Promise<PassReceipt | undefined> {
  const path = `${dir}/${passReceiptPath(pass)}`;
  if (!(await exists(path))) return undefined;
  const receipt = await readChecked<PassReceipt>('pass', path);
  if (receipt.pass !== pass) throw corpusCorrupt(path, '/pass', `is ${receipt.pass}, its name says ${pass}`);
  return receipt;
}

export async function readBitsReceipt(dir: string, pass: number): Promise<BitsReceipt | undefined> {
  const path = `${dir}/${bitsReceiptPath(pass)}`;
  return (await exists(path)) ? readChecked<BitsReceipt>('bits', path) : undefined;
}

/** The receipt of a table of masks that was made after the corpus. */
export async function readMaskReceipt(dir: string, name: string): Promise<MaskReceipt | undefined> {
  const path = `${dir}/${maskReceiptPath(name)}`;
  if (!(await exists(path))) return undefined;
  const receipt = await readChecked<MaskReceipt>('masks', path);
  if (receipt.name !== name) throw corpusCorrupt(path, '/name', `is ${receipt.name}, its name says ${name}`);
  return receipt;
}

/** Names of the tables of masks that were made after the corpus, sorted. */
export async function maskNames(dir: string): Promise<string[]> {
  const names = (await listFolder(`${dir}/receipts`)).flatMap(
    (name) => /^mask-([\w-]{1,64})\.json$/.exec(name)?.[1] ?? [],
  );
  return names.sort();
}

/** The corpus folder under `parent` whose manifest was written last. */
export async function newestCorpus(parent: string): Promise<string> {
  let newest: { dir: string; time: number } | undefined;
  for (const name of await listFolder(parent)) {
    const dir = `${parent}/${name}`;
    const time = (await stat(`${dir}/${MANIFEST}`))?.modified;
    if (time !== undefined && (!newest || time > newest.time)) newest = { dir, time };
  }
  if (!newest) throw corpusNotFound(parent);
  return newest.dir;
}
