import { corpusCorrupt, fingerprintMismatch } from '../core/errors.ts';
import { exists, stat } from '../io/files.ts';
import { readParts } from '../read/index.ts';
import {
  type FileEntry,
  MANIFEST,
  type Manifest,
  readChecked,
  readManifest,
  type Receipt,
  receiptPath,
} from '../shard/index.ts';
import { inputFiles, type Local, type Plan } from './plan.ts';
import { settingsOf } from './settings.ts';

/** The receipt of a split, if it is done; a receipt of another plan or without its files is not one. */
export async function readReceipt(plan: Plan, dir: string, split: number): Promise<Receipt | undefined> {
  const path = `${dir}/${receiptPath(split)}`;
  if (!(await exists(path))) return undefined;
  const receipt = await readChecked<Receipt>('receipt', path);
  if (receipt.plan !== plan.id || receipt.split !== split)
    throw fingerprintMismatch(path, 'plan', receipt.plan, plan.id);
  const { parts } = plan.splits[split]!;
  for (const [i, { input, start, end }] of receipt.read.entries())
    if (!parts.some((part) => part.input === input && part.start === start && part.end === end))
      throw corpusCorrupt(path, `/read/${i}`, 'is no part of this split in the plan');
  return receipt;
}

/** The shards, masks and table that a receipt or the manifest lists for a split. */
const filesOf = ({ shards, table }: Pick<Receipt, 'shards' | 'table'>): FileEntry[] => [
  ...shards.flatMap((shard) => [shard, shard.mask]),
  ...(table ? [table] : []),
];

/**
 * Receipts of all splits that are done, by split number. A split whose files are gone counts as not done; its tail and
 * rejects are looked for only until they are `merged`.
 */
export async function finishedSplits(plan: Plan, dir: string, merged: boolean): Promise<Map<number, Receipt>> {
  const done = new Map<number, Receipt>();
  for (let split = 0; split < plan.splits.length; split++) {
    const receipt = await readReceipt(plan, dir, split);
    if (!receipt) continue;
    const passing = merged ? [] : [receipt.tail, receipt.rejects].filter((file) => file !== null);
    if (await allThere(dir, [...filesOf(receipt), ...passing])) done.set(split, receipt);
  }
  return done;
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

/**
 * Inputs under a half-finished plan: sizes are part of the plan's id, so what is left is a file of the same size with other
 * content. A changed modification time is the early warning; then the ranges already read are hashed again and compared
 * with the receipts. Without `before` (it may be deleted, and is a file like any other) every input may have changed.
 * FINGERPRINT_MISMATCH names the file.
 */
export async function checkInputs(
  plan: Plan,
  local: Local,
  before: Local | undefined,
  done: Iterable<Receipt>,
): Promise<void> {
  const times: unknown = before?.modified;
  const known: readonly unknown[] = Array.isArray(times) ? times : [];
  const changed = new Set(plan.inputs.flatMap((_, i) => (local.modified[i] === known[i] ? [] : [i])));
  const files = inputFiles(plan, local.root);
  for (const { read } of done)
    for (const { sha256, ...part } of read) {
      if (!changed.has(part.input)) continue;
      let found = '';
      const source = readParts(
        files,
        [{ ...part, bytes: 0 }],
        settingsOf(plan).read,
        (result) => (found = result.sha256),
      );
      const documents = source.read({ progress() {}, reject() {} })[Symbol.asyncIterator]();
      while (!(await documents.next()).done);
      if (found !== sha256) throw fingerprintMismatch(plan.inputs[part.input]!.path, 'content', found, sha256);
    }
}
