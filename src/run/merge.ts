import { corpusEmpty, corpusIncomplete, tooManyRejects } from '../core/errors.ts';
import { canonicalJson, type Json } from '../core/fingerprint.ts';
import { MAX_METADATA_BYTES } from '../core/limits.ts';
import type { StageContext } from '../core/stage.ts';
import { type Piece, type Subset, SUBSETS } from '../core/window.ts';
import { commitFile, commitStream } from '../io/commit.ts';
import { exists, listFolder, readAll, remove } from '../io/files.ts';
import { maskStage } from '../mask/index.ts';
import { packTails } from '../pack/index.ts';
import {
  type FileEntry,
  FORMAT,
  type Ledger,
  MANIFEST,
  type Manifest,
  readTail,
  type Receipt,
  type ShardEntry,
  shardSink,
  type SplitEntry,
} from '../shard/index.ts';
import { addLedgers, total } from './ledger.ts';
import type { Plan } from './plan.ts';
import { configOf, settingsOf } from './settings.ts';

/**
 * Packs the tails of all splits as one more split, checks that every split has its receipt, and commits the manifest:
 * from then on the corpus exists. Rejects are gathered into one file, tails removed.
 */
export async function mergeCorpus(
  plan: Plan,
  dir: string,
  receipts: ReadonlyMap<number, Receipt>,
  rejectShare: number,
  context: StageContext,
): Promise<Manifest> {
  const ordered = plan.splits.map((_, split) => receipts.get(split));
  if (!ordered.every((receipt) => receipt !== undefined))
    throw corpusIncomplete(dir, receipts.size, plan.splits.length);
  const bySource = ledgersBySource(ordered);
  const ledger = addLedgers(Object.values(bySource));
  const firstReject = await checkRejects(plan, dir, ordered, ledger, rejectShare);

  const splits = numberSplits(ordered);
  const last = splits.at(-1);
  const shards = await packAllTails(plan, dir, ordered, context);
  const windows = shards.reduce((sum, shard) => sum + shard.windows, 0);
  splits.push({
    split: plan.splits.length,
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
    rejects: firstReject ? await gatherRejects(dir, ordered) : null,
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
    for (const file of [tail, rejects]) if (file) await remove(`${dir}/${file.path}`);
  const tails = `${dir}/tails`;
  if ((await exists(tails)) && (await listFolder(tails)).length === 0) await remove(tails);
}

function ledgersBySource(receipts: readonly Receipt[]): Record<string, Ledger> {
  const sources = [...new Set(receipts.flatMap(({ ledger }) => Object.keys(ledger)))].sort();
  return Object.fromEntries(
    sources.map((source) => [
      source,
      addLedgers(receipts.flatMap(({ ledger }) => (ledger[source] ? [ledger[source]] : []))),
    ]),
  );
}

/** The first reject as a line for people, if there is one; throws CORPUS_EMPTY or TOO_MANY_REJECTS. */
async function checkRejects(
  plan: Plan,
  dir: string,
  receipts: readonly Receipt[],
  ledger: Ledger,
  share: number,
): Promise<string | null> {
  const rejected = total(ledger.rejected);
  const file = receipts.find(({ rejects }) => rejects)?.rejects;
  let first: string | null = null;
  if (file) {
    const text = new TextDecoder().decode(await readAll(`${dir}/${file.path}`, MAX_METADATA_BYTES));
    const reject = JSON.parse(text.slice(0, text.indexOf('\n'))) as Record<string, unknown>;
    first = `${String(reject.file)}, record ${String(reject.record)}: ${String(reject.detail)}`;
  }
  const records = ledger.documents.read + rejected;
  if (ledger.documents.read === 0) throw corpusEmpty(plan.inputs.length, rejected, first);
  if (rejected > share * records) throw tooManyRejects(rejected, records, share, first ?? '');
  return first;
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
  const { pack, policy, shard } = settingsOf(plan);
  const pieces: Piece[] = [];
  for (const { tail } of receipts) {
    if (!tail) continue;
    pieces.push(...readTail(await readAll(`${dir}/${tail.path}`, tail.bytes)));
  }
  const windows = (async function* () {
    for (const window of packTails(pieces, pack.windowLength, pack.pad))
      yield { items: [window], cursor: { bytes: 0, records: 0 } };
  })();
  const sink = shardSink({ ...shard(dir), split: plan.splits.length });
  return sink.write(maskStage(policy, pack.windowLength).run(windows, context), context);
}

export function countWindows(splits: readonly SplitEntry[]): Record<Subset, number> {
  const windows = { train: 0, validation: 0 };
  for (const subset of SUBSETS)
    for (const { shards } of splits)
      for (const shard of shards) if (shard.subset === subset) windows[subset] += shard.windows;
  return windows;
}

/** One file of all rejects; records (from 0) and lines (from 1) are numbered through each input file. */
async function gatherRejects(dir: string, receipts: readonly Receipt[]): Promise<FileEntry> {
  const path = 'rejects/rejects.jsonl';
  const before = new Map<number, { records: number; lines: number }>();
  const beforeOf = (input: number) => before.get(input) ?? { records: 0, lines: 0 };
  const file = await commitStream(`${dir}/${path}`, async (sink) => {
    for (const { rejects, read } of receipts) {
      if (rejects) {
        const text = new TextDecoder().decode(await readAll(`${dir}/${rejects.path}`, rejects.bytes));
        for (const row of text.split('\n').filter(Boolean)) {
          const reject = JSON.parse(row) as { input: number; record: number; line: number | null };
          const { records, lines } = beforeOf(reject.input);
          const line = reject.line === null ? null : reject.line + lines + 1;
          const whole = { ...reject, record: reject.record + records, line };
          await sink.write(new TextEncoder().encode(`${canonicalJson(whole)}\n`));
        }
      }
      // A file's parts lie in consecutive splits, one in each: what came before is what was read of it so far.
      for (const { input, records, lines } of read) {
        const sum = beforeOf(input);
        before.set(input, { records: sum.records + records, lines: sum.lines + lines });
      }
    }
  });
  return { path, ...file };
}
