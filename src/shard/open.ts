import { corpusCorrupt, corpusIncomplete, corpusNotFound, maskTableMissing, noisePassMissing } from '../core/errors.ts';
import { noiseForm } from '../core/noise.ts';
import { exists, listFolder, stat } from '../io/files.ts';
import { readerInto } from '../io/read-into.ts';
import { readChecked } from './check.ts';
import type { Corpus, NoisePass } from './corpus.ts';
import { lastUsed } from './last-used.ts';
import type { Manifest, ShardEntry } from './manifest.ts';
import { readNoise } from './noise-read.ts';
import { firstNumbers, lastReceipt, type Numbered } from './numbers.ts';
import { bitsOffset } from './bits.ts';
import {
  bitsReceiptPath,
  type BitsReceipt,
  MANIFEST,
  maskPath,
  maskReceiptPath,
  type MaskReceipt,
  passReceiptPath,
  PLAN,
  type PassReceipt,
} from './receipt.ts';
import { decoded, readShardColumns, type ShardColumns } from './shard-columns.ts';
import { type Shard, type StoredWindows, windowsOf } from './stored-windows.ts';

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

/** A corpus on disk. */
export interface StoredCorpus extends Corpus, StoredWindows {
  /** The stored bits of a window in a pass, into [ceil(window length / 8)]; false where the pass has none. */
  readBits(pass: number, window: number, into: Uint8Array): Promise<boolean>;
}

export interface OpenOptions {
  /** A table of `prep mask` to read instead of the corpus' own; of one that anneals its name without the epoch. */
  readonly masks?: string | null;
}

/** Opens a finished corpus. Ids are read by position, without a copy of anything else; reads of them block the thread. */
export async function openCorpus(dir: string, { masks = null }: OpenOptions = {}): Promise<StoredCorpus> {
  const manifest = await readManifest(dir);
  const own: readonly Shard[] = manifest.splits.flatMap((split) =>
    split.shards.map((entry) => ({ entry, first: split.firstWindow + entry.firstWindow })),
  );
  const tables = masks === null ? null : await maskTablesOf(dir, masks, manifest);
  const passes = await countPasses(dir);
  const { windowLength } = manifest;
  const small = lastUsed(
    (entry: ShardEntry) => readShardColumns(dir, entry, windowLength),
    (columns: ShardColumns) => columns.bytes,
    KEEP_COLUMNS,
  );
  const files = readerInto(KEEP_OPEN);
  const bits = new Map<number, BitsReceipt | undefined>();
  const windows = (tables?.map(({ use }) => own.map(use)) ?? [own]).map((shards) =>
    windowsOf(dir, shards, windowLength, files, small),
  );
  return {
    dir,
    manifest,
    passes,
    diffusionBlock: tables?.[0]?.diffusionBlock ?? (manifest.config as { diffusion_block: number }).diffusion_block,
    ...windows[0]!,
    // With fewer tables than epochs the last holds on: all has gone over.
    inEpoch: (epoch) => windows[Math.min(epoch, windows.length - 1)]!,
    numbers(subset) {
      const numbers = new Int32Array(manifest.windows[subset]);
      let at = 0;
      for (const { entry, first } of own)
        if (entry.subset === subset) for (let i = 0; i < entry.windows; i++) numbers[at++] = first + i;
      return numbers;
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

interface MaskTable {
  readonly diffusionBlock: number | null;
  /** Puts its masks into a shard's entry. */
  readonly use: (shard: Shard) => Shard;
}

/** The table of that name; of one that anneals, each epoch's. */
async function maskTablesOf(dir: string, name: string, { plan }: Manifest): Promise<MaskTable[]> {
  const all = await maskNames(dir);
  const epochs = all.filter((other) => other.startsWith(`${name}-`) && /^\d{3}$/.test(other.slice(name.length + 1)));
  const names = all.includes(name) ? [name] : epochs;
  if (names.length === 0) throw maskTableMissing(dir, name, all);
  return Promise.all(
    names.map(async (table) => {
      const receipt = (await readMaskReceipt(dir, table))!;
      if (receipt.plan !== plan)
        throw corpusCorrupt(`${dir}/${maskReceiptPath(table)}`, 'plan', 'it belongs to another plan');
      const byPath = new Map(receipt.files.map((file) => [file.path, file]));
      const use = ({ entry, first }: Shard): Shard => {
        const mask = byPath.get(maskPath(table, entry));
        if (!mask) throw corpusCorrupt(`${dir}/${maskReceiptPath(table)}`, maskPath(table, entry), 'is not listed');
        return { first, entry: { ...entry, mask } };
      };
      return { diffusionBlock: receipt.diffusionBlock, use };
    }),
  );
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
