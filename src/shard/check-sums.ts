import { MAX_SPLITS, MIN_WINDOW } from '../core/limits.ts';
import { noiseFault, noiseForm } from '../core/noise.ts';
import type { Manifest, ShardEntry, SplitEntry } from './manifest.ts';
import { bitsPath, type BitsReceipt, type MaskReceipt, passPath, type PassReceipt, type Receipt } from './receipt.ts';
import { splitName } from './shard-sink.ts';

/** A JSON pointer and what is wrong there; null when nothing is. */
type Fault = [pointer: string, problem: string] | null;

const differs = (pointer: string, found: unknown, expected: unknown): Fault =>
  found === expected ? null : [pointer, `is ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`];

/** What is wrong with the shards of one split: each has its own name, its windows in a row, and room for them. */
function shardsFault(at: string, split: number, shards: readonly ShardEntry[], windowLength: number): Fault {
  let first = 0;
  for (const [i, { path, bytes, firstWindow, windows, batches, mask }] of shards.entries()) {
    const here = `${at}/shards/${i}`;
    const name = `${splitName(split)}-${splitName(i)}.arrow`;
    let [inBatches, end] = [0, 0];
    for (const [b, batch] of batches.entries()) {
      if (batch.offset < end) return [`${here}/batches/${b}/offset`, 'lies in the batch before'];
      inBatches += batch.windows;
      end = batch.offset + batch.windows * windowLength * 4;
    }
    const fault =
      differs(`${here}/path`, path, `shards/${name}`) ??
      differs(`${here}/mask/path`, mask.path.replace(/^masks\/[^/]+\//, ''), name) ??
      differs(`${here}/firstWindow`, firstWindow, first) ??
      differs(`${here}/windows`, windows, inBatches) ??
      (end > bytes ? ([`${here}/bytes`, `is ${bytes}, too few for ${windows} windows`] satisfies Fault) : null);
    if (fault) return fault;
    first += windows;
  }
  return null;
}

const sumOf = (shards: readonly ShardEntry[]): number => shards.reduce((sum, { windows }) => sum + windows, 0);

function splitFault(at: string, entry: SplitEntry | Receipt, windowLength: number): Fault {
  const { split, shards, windows, table } = entry;
  return (
    shardsFault(at, split, shards, windowLength) ??
    differs(`${at}/windows`, windows, sumOf(shards)) ??
    (table ? differs(`${at}/table/path`, table.path, `documents/${splitName(split)}.arrow`) : null)
  );
}

/** Counts are taken to allocate and to walk by: they are bound to what the shards list, and those to their files. */
export function manifestFault({ splits, windows, windowLength }: Manifest): Fault {
  const sums = { train: 0, validation: 0 };
  let [firstWindow, firstDocument, number] = [0, 0, -1];
  for (const [i, split] of splits.entries()) {
    const at = `/splits/${i}`;
    // Ascending, with gaps: of the numbers kept for an input that was cut while it was read not all are taken.
    const fault =
      (split.split <= number ? ([`${at}/split`, `is ${split.split}, after ${number}`] satisfies Fault) : null) ??
      differs(`${at}/firstWindow`, split.firstWindow, firstWindow) ??
      differs(`${at}/firstDocument`, split.firstDocument, firstDocument) ??
      splitFault(at, split, windowLength);
    if (fault) return fault;
    number = split.split;
    firstWindow += split.windows;
    firstDocument += split.documents;
    for (const shard of split.shards) sums[shard.subset] += shard.windows;
  }
  return (
    differs('/windows/train', windows.train, sums.train) ??
    differs('/windows/validation', windows.validation, sums.validation)
  );
}

export function receiptFault(receipt: Receipt): Fault {
  const { split, tail, rejects } = receipt;
  return (
    splitFault('', receipt, MIN_WINDOW) ??
    (tail ? differs('/tail/path', tail.path, `tails/${splitName(split)}.arrow`) : null) ??
    (rejects ? differs('/rejects/path', rejects.path, `rejects/${splitName(split)}.jsonl`) : null)
  );
}

/** Files are in the folder that is called after the table. */
export function maskFault({ name, files }: MaskReceipt): Fault {
  const stray = files.findIndex(({ path }) => !path.startsWith(`masks/${name}/`));
  return stray < 0 ? null : [`/files/${stray}/path`, `is ${JSON.stringify(files[stray]!.path)}, not in masks/${name}`];
}

export function passFault({ path, pass, settings }: PassReceipt): Fault {
  const fault = noiseFault(noiseForm(settings));
  return differs('/path', path, passPath(pass)) ?? (fault && [`/settings/${fault[0]}`, fault[1]]);
}

export const bitsFault = ({ path, pass }: BitsReceipt): Fault => differs('/path', path, bitsPath(pass));

/** A plan's splits are not in its id: that each of their parts is one of an input has to be looked at. */
export function planFault(plan: object): Fault {
  const { inputs, splits } = plan as {
    inputs: unknown[];
    splits: { parts: { input: number; start: number; end: number }[]; slots?: number }[];
  };
  let numbers = 0;
  for (const [i, { parts, slots }] of splits.entries()) {
    numbers += slots ?? 1;
    if (numbers > MAX_SPLITS) return [`/splits/${i}/slots`, `makes ${numbers} splits, at most ${MAX_SPLITS} can be`];
    if (slots !== undefined && parts.length !== 1) return [`/splits/${i}/parts`, 'are more than one with slots'];
    for (const [k, { input, start, end }] of parts.entries()) {
      const at = `/splits/${i}/parts/${k}`;
      if (input >= inputs.length) return [`${at}/input`, `is ${input}, there are ${inputs.length} inputs`];
      if (end < start) return [`${at}/end`, `is ${end}, before its start`];
    }
  }
  return null;
}
