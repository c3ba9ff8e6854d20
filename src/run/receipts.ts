import { corpusCorrupt, fingerprintMismatch } from '../core/errors.ts';
import { exists, listFolder, stat } from '../io/files.ts';
import {
  type FileEntry,
  firstNumbers,
  MANIFEST,
  type Manifest,
  readChecked,
  readManifest,
  type Receipt,
  receiptPath,
  type StreamReceipt,
  streamReceiptPath,
} from '../shard/index.ts';
import type { Plan, Split } from './plan.ts';

/** What is done of a plan: receipts by split number, and by the first of its splits for an input that was cut while it was read. */
export interface Done {
  readonly splits: Map<number, Receipt>;
  readonly streams: Map<number, StreamReceipt>;
  /** Paths of the receipts that were there, also of splits that are not done: what comes later is another process's. */
  readonly seen: ReadonlySet<string>;
}

/** The receipt of a split, if it is done; a receipt of another plan is an error. `first` are the entries' first numbers. */
export async function readReceipt(
  plan: Plan,
  dir: string,
  split: number,
  first: readonly number[] = firstNumbers(plan.splits),
): Promise<Receipt | undefined> {
  const path = `${dir}/${receiptPath(split)}`;
  if (!(await exists(path))) return undefined;
  const receipt = await readChecked<Receipt>('receipt', path);
  checkNumber(path, receipt, plan, split);
  const entry = plan.splits[entryOf(first, split)]!;
  const known = new Set(entry.parts.map(({ input, start, end }) => `${input} ${start} ${end}`));
  const { slots, parts } = entry;
  for (const [i, { input, start, end }] of receipt.read.entries())
    if (
      slots === undefined
        ? !known.has(`${input} ${start} ${end}`)
        : receipt.read.length > 1 || input !== parts[0]!.input
    )
      throw corpusCorrupt(path, `/read/${i}`, 'is no part of this split in the plan');
  return receipt;
}

/** The receipt of an input that was cut while it was read, if all of it is done. */
export async function readStreamReceipt(plan: Plan, dir: string, first: number): Promise<StreamReceipt | undefined> {
  const path = `${dir}/${streamReceiptPath(first)}`;
  if (!(await exists(path))) return undefined;
  const receipt = await readChecked<StreamReceipt>('stream', path);
  checkNumber(path, receipt, plan, first);
  return receipt;
}

function checkNumber(path: string, receipt: { plan: string; split: number }, plan: Plan, split: number): void {
  if (receipt.plan !== plan.id || receipt.split !== split)
    throw fingerprintMismatch(path, 'plan', receipt.plan, plan.id);
}

/** The entry that a split number belongs to; `first` has those of all entries, and the number after them. */
export function entryOf(first: readonly number[], split: number): number {
  let [low, high] = [0, first.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (first[middle]! <= split) low = middle;
    else high = middle;
  }
  return low;
}

/** The shards, masks and table that a receipt or the manifest lists for a split. */
export const filesOf = ({ shards, table }: Pick<Receipt, 'shards' | 'table'>): FileEntry[] => [
  ...shards.flatMap((shard) => [shard, shard.mask]),
  ...(table ? [table] : []),
];

/**
 * What is done. A split whose files are gone counts as not done; its tail and rejects are looked for only until they are
 * `merged`. With `only`, of that entry of the plan.
 */
export async function whatIsDone(plan: Plan, dir: string, merged: boolean, only?: number): Promise<Done> {
  const first = firstNumbers(plan.splits);
  const names = await listFolder(`${dir}/receipts`);
  const seen = new Set(names.map((name) => `receipts/${name}`));
  const done: Done = { splits: new Map(), streams: new Map(), seen };
  const [from, to] = only === undefined ? [0, first.at(-1)!] : [first[only]!, first[only + 1]!];
  const numbers = names.flatMap((name) => {
    const [, number, end] = /^(\d{5,})(-end)?\.json$/.exec(name) ?? [];
    return number !== undefined && Number(number) >= from && Number(number) < to
      ? [{ number: Number(number), end: end !== undefined }]
      : [];
  });
  for (const { number, end } of numbers.sort((a, b) => a.number - b.number)) {
    const entry = entryOf(first, number);
    if (end) {
      if (plan.splits[entry]!.slots === undefined || first[entry] !== number) continue;
      const receipt = await readStreamReceipt(plan, dir, number);
      if (receipt) done.streams.set(number, receipt);
      continue;
    }
    const receipt = await readReceipt(plan, dir, number, first);
    if (!receipt) continue;
    const passing = merged ? [] : [receipt.tail, receipt.rejects].filter((file) => file !== null);
    if (await allThere(dir, [...filesOf(receipt), ...passing])) done.splits.set(number, receipt);
  }
  return done;
}

/** The receipts of an entry in order, if all of it is done. */
export function receiptsOf(entry: Split, first: number, done: Done): Receipt[] | undefined {
  const splits = entry.slots === undefined ? 1 : done.streams.get(first)?.splits;
  if (splits === undefined) return undefined;
  const receipts: Receipt[] = [];
  for (let split = first; split < first + splits; split++) {
    const receipt = done.splits.get(split);
    if (!receipt) return undefined;
    receipts.push(receipt);
  }
  return receipts;
}

/** Entries of the plan that are not done, by their places in it. */
export function entriesLeft(plan: Plan, done: Done): number[] {
  const first = firstNumbers(plan.splits);
  return plan.splits.flatMap((entry, i) => (receiptsOf(entry, first[i]!, done) ? [] : [i]));
}

/** The manifest of a corpus that is finished: one that lists files which are gone has to be made again. */
export async function finishedManifest(plan: Plan, dir: string): Promise<Manifest | undefined> {
  if (!(await exists(`${dir}/${MANIFEST}`))) return undefined;
  const manifest = await readManifest(dir);
  const files = [...manifest.splits.flatMap(filesOf), ...(manifest.rejects ? [manifest.rejects] : [])];
  return manifest.plan === plan.id && (await allThere(dir, files)) ? manifest : undefined;
}

async function allThere(dir: string, files: readonly FileEntry[]): Promise<boolean> {
  for (const { path, bytes } of files) if ((await stat(`${dir}/${path}`))?.size !== bytes) return false;
  return true;
}
