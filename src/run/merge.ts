import {
  allDropped,
  corpusCorrupt,
  corpusEmpty,
  corpusIncomplete,
  filterReasons,
  tooManyRejects,
} from '../core/errors.ts';
import { canonicalJson, type Json } from '../core/fingerprint.ts';
import type { StageContext } from '../core/stage.ts';
import { type Piece, type Subset, SUBSETS, type Window } from '../core/window.ts';
import { commitFile } from '../io/commit.ts';
import { kindOf, removeEmptyFolder, removeFile } from '../io/files.ts';
import { maskStage } from '../mask/index.ts';
import { MAX_REASONS } from '../mix/index.ts';
import { packTails } from '../pack/index.ts';
import {
  decoded,
  type FileEntry,
  firstNumbers,
  FORMAT,
  isOurPath,
  type Ledger,
  MANIFEST,
  type Manifest,
  readProven,
  readTail,
  type Receipt,
  receiptPath,
  type ShardEntry,
  shardSink,
  type SplitEntry,
} from '../shard/index.ts';
import { addLedgers, imbalance, sumBySource, total } from './ledger.ts';
import type { Plan } from './plan.ts';
import { type Done, entriesLeft, receiptsOf } from './receipts.ts';
import { type GatheredRejects, gatherRejects } from './rejects.ts';
import { configOf, settingsOf } from './settings.ts';

/**
 * Packs the tails of all splits as one more split, checks that every split has its receipt, and commits the manifest:
 * from then on the corpus exists. Rejects are gathered into one file first: what stops the merge is explained there.
 */
export async function mergeCorpus(
  plan: Plan,
  dir: string,
  done: Done,
  rejectShare: number,
  context: StageContext,
): Promise<Manifest> {
  const first = firstNumbers(plan.splits);
  const left = entriesLeft(plan, done).length;
  if (left > 0) throw corpusIncomplete(dir, plan.splits.length - left, plan.splits.length);
  const ordered = plan.splits.flatMap((entry, i) => receiptsOf(entry, first[i]!, done)!);
  const bySource = sumBySource(ordered.map((receipt) => receipt.ledger));
  const ledger = addLedgers(Object.values(bySource));
  // Before anything is refused: the message names this file.
  const rejects = await gatherRejects(dir, ordered);
  checkLedger(plan, dir, ledger, rejectShare, rejects);

  const splits = numberSplits(ordered);
  const last = splits.at(-1);
  const shards = await packAllTails(plan, dir, ordered, context);
  const windows = shards.reduce((sum, shard) => sum + shard.windows, 0);
  splits.push({
    split: first.at(-1)!,
    firstWindow: last ? last.firstWindow + last.windows : 0,
    windows,
    firstDocument: last ? last.firstDocument + last.documents : 0,
    documents: 0,
    shards,
    table: null,
  });
  const manifest: Manifest = {
    ...manifestHead(plan),
    windows: countWindows(splits),
    ledger,
    ledgerBySource: bySource,
    splits,
    rejects: rejects?.file ?? null,
  };
  await commitFile(`${dir}/${MANIFEST}`, `${canonicalJson(manifest as unknown as Json)}\n`);
  return manifest;
}

/** The part of a manifest that follows from the plan alone. */
export function manifestHead(
  plan: Plan,
): Omit<Manifest, 'windows' | 'ledger' | 'ledgerBySource' | 'splits' | 'rejects'> {
  const config = configOf(plan);
  return {
    format: FORMAT,
    plan: plan.id,
    version: plan.version,
    name: config.name,
    windowLength: config.window,
    policy: config.policy,
    seed: config.seed,
    tokenizer: plan.tokenizer,
    order: { method: 'argsort-philox4x32-10', seed: config.seed },
    config: plan.config,
  };
}

/**
 * Removes what the manifest has made superfluous; done again on the next run if this one is cut short. File by file: another
 * run may be writing beside them.
 */
export async function cleanUp(dir: string, receipts: Iterable<Receipt>): Promise<void> {
  for (const { tail, rejects } of receipts)
    for (const file of [tail, rejects])
      // A receipt is a file like any other: what it names is removed only where a run could have put it.
      if (file && /^(?:tails|rejects)\/\d/.test(file.path) && isOurPath(file.path) && !(await isLink(dir, file.path)))
        await removeFile(`${dir}/${file.path}`);
  await removeEmptyFolder(`${dir}/tails`);
}

/** What lies behind a linked folder is not in this corpus. */
const isLink = async (dir: string, path: string): Promise<boolean> =>
  (await kindOf(`${dir}/${path.slice(0, path.indexOf('/'))}`)) === 'link';

/** Throws CORPUS_EMPTY where nothing can be packed, TOO_MANY_REJECTS, FILTER_FAILED for too many reasons, or CORPUS_CORRUPT where the receipts do not add up. */
function checkLedger(
  plan: Plan,
  dir: string,
  { documents, ...ledger }: Ledger,
  share: number,
  rejects: GatheredRejects | null,
): void {
  const rejected = total(ledger.rejected);
  const records = documents.read + rejected;
  const file = rejects && `${dir}/${rejects.file.path}`;
  if (documents.read === 0) throw corpusEmpty(plan.inputs.length, rejected, rejects?.first ?? null, file);
  if (rejected > share * records) throw tooManyRejects(rejected, records, share, rejects?.first ?? '', file ?? '');
  if (documents.packed === 0)
    throw allDropped(documents.read, documents.dropped, configOf(plan).window, ledger.tokens.dropped);
  const reasons = Object.keys(documents.dropped).filter((reason) => reason.startsWith('filter: '));
  if (reasons.length > MAX_REASONS) throw filterReasons(dir, reasons.length, MAX_REASONS, reasons.sort().at(-1)!);
  const [problem] = imbalance({ documents, ...ledger });
  if (problem !== undefined) throw corpusCorrupt(`${dir}/receipts`, 'their ledgers', problem);
}

/** Gives every split its place in the global numbering. */
function numberSplits(receipts: readonly Receipt[]): SplitEntry[] {
  let firstWindow = 0;
  let firstDocument = 0;
  return receipts.map(({ split, windows, documents, shards, table }) => {
    const entry = { split, firstWindow, windows, firstDocument, documents, shards, table };
    firstWindow += windows;
    firstDocument += documents;
    return entry;
  });
}

async function packAllTails(
  plan: Plan,
  dir: string,
  receipts: readonly Receipt[],
  context: StageContext,
): Promise<ShardEntry[]> {
  const { pack, policies, shard } = settingsOf(plan);
  // One after the other in the same memory: packing copies what it takes of them.
  let room = new Uint8Array(0);
  const read = async (tail: FileEntry): Promise<Uint8Array<ArrayBuffer>> => {
    const bytes = await readProven(dir, tail, room);
    if (bytes.length > room.length) room = bytes;
    return bytes;
  };
  const tails = (async function* () {
    for (const receipt of receipts) yield await tailOf(dir, receipt, read);
  })();
  const left = receipts.reduce((sum, { tail }) => sum + (tail?.tokens ?? 0), 0);
  const windows = (async function* () {
    let packed = 0;
    for await (const window of packTails(tails, pack, { again: true })) {
      packed += tokensOf(window.segments);
      yield { items: [window], cursor: { bytes: 0, records: 0 } };
    }
    if (packed !== left)
      throw corpusCorrupt(`${dir}/tails`, 'all of them', `hold ${left} tokens, ${packed} are in their windows`);
  })();
  const sink = shardSink({ ...shard(dir), split: firstNumbers(plan.splits).at(-1)! });
  return sink.write(maskStage(policies, pack.windowLength).run(windows, context), context);
}

/** The pieces of a split's tail, which must be those that its receipt counts, and with its windows all that its ledger has packed. */
async function tailOf(
  dir: string,
  { split, tail, shards, ledger }: Receipt,
  read: (tail: FileEntry) => Promise<Uint8Array>,
): Promise<Iterable<Piece>> {
  const packed = addLedgers(Object.values(ledger)).tokens.packed;
  const receipt = `${dir}/${receiptPath(split)}`;
  if (shards.length === 0 && packed !== (tail?.tokens ?? 0))
    throw corpusCorrupt(receipt, '/ledger', `has ${packed} tokens packed, its tail ${tail?.tokens ?? 0}`);
  if (!tail) return [];
  const path = `${dir}/${tail.path}`;
  const bytes = await read(tail);
  const pieces = decoded(path, () => readTail(bytes));
  const { length, tokens } = pieces;
  if (length !== tail.pieces || tokens !== tail.tokens)
    throw corpusCorrupt(
      path,
      'its pieces',
      `are ${length} of ${tokens} tokens, its receipt says ${tail.pieces} of ${tail.tokens}`,
    );
  return pieces;
}

const tokensOf = (segments: Window['segments']): number => segments.reduce((sum, { length }) => sum + length, 0);

export function countWindows(splits: readonly SplitEntry[]): Record<Subset, number> {
  const windows = { train: 0, validation: 0 };
  for (const subset of SUBSETS)
    for (const { shards } of splits)
      for (const shard of shards) if (shard.subset === subset) windows[subset] += shard.windows;
  return windows;
}
