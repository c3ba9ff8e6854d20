import { canonicalJson, type Json } from '../core/fingerprint.ts';
import { ownOf } from '../core/own.ts';
import type { Overflow, StageContext } from '../core/stage.ts';
import type { MaskedWindow } from '../core/window.ts';
import { commitFile, type CommitSink, commitStream } from '../io/commit.ts';
import { roomIn } from '../io/room.ts';
import { spoolIn } from '../io/spool.ts';
import { maskStage } from '../mask/index.ts';
import { type PackOptions, type PackResult, packStage, shuffleStage } from '../pack/index.ts';
import {
  documentChunks,
  type FileEntry,
  type Ledger,
  type Receipt,
  receiptPath,
  shardSink,
  splitName,
  tailChunks,
} from '../shard/index.ts';
import { count, emptyLedger, type OpenLedger } from './ledger.ts';
import type { Plan } from './plan.ts';
import { RejectLog } from './rejects.ts';
import { type Settings, settingsOf } from './settings.ts';
import { checkRead } from './survey.ts';
import { type Reading, tokenRuns } from './token-runs.ts';

export type Progress = Parameters<StageContext['progress']>[0];

/** The stages of a split, in order: what runs, and what `--explain` prints. */
export function splitChain(plan: Plan, settings: Settings, split: number, dir: string, reading: Reading) {
  const { chain, read } = tokenRuns(plan, settings, split, reading);
  const pack = packStage(
    settings.pack,
    split,
    plan.inputs.map((input) => input.source),
    { tokenEnds: reading.tokenizer.tokenEnds, again: true },
  );
  const ordered = settings.shuffle ? chain.to(shuffleStage(settings.pack.seed, split)) : chain;
  const packed = ordered.to(pack).to(maskStage(settings.policies, settings.pack.windowLength));
  const sink = shardSink({ ...settings.shard(dir), split });
  return { chain: packed, sink, pack: pack.result, read };
}

/**
 * Runs one split from its inputs to its receipt; one of an input that is cut while it is read from its `range`. Same plan, same bytes, whoever runs it and however often.
 */
export async function runSplit(
  plan: Plan,
  split: number,
  dir: string,
  reading: Reading,
  overflow: Overflow,
  onProgress: (delta: Progress) => void,
): Promise<Receipt> {
  const settings = settingsOf(plan);
  const rejects = new RejectLog(plan);
  const context: StageContext = {
    progress: onProgress,
    reject: (reject) => rejects.add(reject),
    spool: () => spoolIn(dir),
    room: () => roomIn(dir, 'text'),
    overflow,
  };
  const { chain, sink, pack, read } = splitChain(plan, settings, split, dir, reading);
  const packed = new Map<string, number>();
  const counted = chain.to({
    name: 'count',
    fingerprint: '',
    async *run(input) {
      for await (const batch of input) {
        for (const item of batch.items) countSegments(item, packed);
        yield batch;
      }
    },
  });
  const shards = await counted.into(sink).run(context);
  checkRead(plan, reading.surveyed, read);
  const { sources, provenance } = settings;
  const name = splitName(split);
  const commit = async (path: string, write: (sink: CommitSink) => Promise<void>): Promise<FileEntry> => ({
    path,
    ...(await commitStream(`${dir}/${path}`, write)),
  });
  const { tail, documents } = pack;
  for (const piece of tail) add(packed, piece.source, piece.ids.length);
  const table = await commit(`documents/${name}.arrow`, chunked(documentChunks(documents, sources, provenance)));
  const left =
    tail.length === 0
      ? null
      : {
          ...(await commit(`tails/${name}.arrow`, chunked(tailChunks(tail, sources, provenance)))),
          pieces: tail.length,
          tokens: tail.tokens,
        };
  tail.release();
  const { records } = rejects;
  const rejected =
    records === 0 ? null : { ...(await commit(`rejects/${name}.jsonl`, (to) => rejects.write(to))), records };
  const receipt: Receipt = {
    plan: plan.id,
    split,
    read,
    documents: documents.length,
    windows: shards.reduce((sum, shard) => sum + shard.windows, 0),
    shards,
    table,
    tail: left,
    rejects: rejected,
    ledger: ledgers(settings.pack, pack, rejects.counts, packed),
  };
  await commitFile(`${dir}/${receiptPath(split)}`, `${canonicalJson(receipt as unknown as Json)}\n`);
  return receipt;
}

const chunked = (chunks: Iterable<Uint8Array>) => async (sink: CommitSink) => {
  for (const chunk of chunks) await sink.write(chunk);
};

function countSegments({ window }: MaskedWindow, packed: Map<string, number>): void {
  for (const { source, length } of window.segments) add(packed, source, length);
}
const add = (counts: Map<string, number>, source: string, by: number): void => {
  counts.set(source, (counts.get(source) ?? 0) + by);
};

/** `read` is counted from the tokenizer's output, `packed` from windows and tail as written: two independent counts. */
export function ledgers(
  options: PackOptions,
  pack: PackResult,
  rejected: ReadonlyMap<string, Readonly<Record<string, number>>>,
  packed: ReadonlyMap<string, number>,
): Record<string, Ledger> {
  const bySource = new Map<string, OpenLedger>();
  const of = (source: string): OpenLedger => {
    const ledger = bySource.get(source) ?? emptyLedger();
    bySource.set(source, ledger);
    return ledger;
  };
  const { documents } = pack;
  for (const rows of documents.blocks())
    for (let i = 0; i < rows.length; i++) {
      const source = documents.sourceOf(rows, i);
      const ledger = of(source);
      const tokens = rows.tokens[i]!;
      ledger.bytes += rows.bytes[i]!;
      ledger.documents.read++;
      ledger.tokens.read += tokens;
      const copies = rows.copies[i]!;
      if (copies > 0) {
        const { separator } = ownOf(options.sources, source) ?? options;
        ledger.documents.packed++;
        ledger.tokens.repeated += tokens * (copies - 1);
        ledger.tokens.inserted += separator === null ? 0 : copies;
      }
    }
  for (const { source, reason, tokens, documents: whole } of pack.dropped) {
    if (tokens > 0) count(of(source).tokens.dropped, reason, tokens);
    if (whole > 0) count(of(source).documents.dropped, reason, whole);
  }
  for (const [source, counts] of rejected)
    for (const [reason, n] of Object.entries(counts)) count(of(source).rejected, reason, n);
  for (const [source, tokens] of packed) of(source).tokens.packed += tokens;
  return Object.fromEntries(bySource);
}
