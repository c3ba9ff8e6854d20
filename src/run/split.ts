import { inputMalformed } from '../core/errors.ts';
import type { Reject } from '../core/document.ts';
import { canonicalJson, type Json } from '../core/fingerprint.ts';
import { from, type StageContext } from '../core/stage.ts';
import type { MaskedWindow } from '../core/window.ts';
import { commitFile } from '../io/commit.ts';
import { maskStage } from '../mask/index.ts';
import { type PackOptions, type PackResult, packStage } from '../pack/index.ts';
import { readParts } from '../read/index.ts';
import {
  documentBytes,
  type FileEntry,
  type Ledger,
  type Receipt,
  receiptPath,
  shardSink,
  type SourceReceipt,
  splitName,
  tailBytes,
} from '../shard/index.ts';
import { type Tokenizer, tokenizeStage } from '../tokenize/index.ts';
import { count, emptyLedger, type OpenLedger } from './ledger.ts';
import { inputFiles, type Plan } from './plan.ts';
import { type Settings, settingsOf } from './settings.ts';

export type Progress = Parameters<StageContext['progress']>[0];

/** After this many records of a split with no document among them, the run stops: a wrong field name, most likely. */
const HOPELESS = 1000;

/** The stages of a split, in order: what runs, and what `--explain` prints. */
export function splitChain(
  plan: Plan,
  settings: Settings,
  split: number,
  dir: string,
  root: string,
  tokenizer: Tokenizer,
) {
  const files = inputFiles(plan, root);
  const read: SourceReceipt[] = [];
  const { parts } = plan.splits[split] ?? { parts: [] };
  const source = readParts(files, parts, settings.read, ({ part, records, lines, sha256 }) => {
    const { input, start, end } = parts[part]!;
    read[part] = { input, start, end, records, lines, sha256 };
  });
  const pack = packStage(
    settings.pack,
    split,
    plan.inputs.map((input) => input.source),
  );
  const chain = from(source)
    .to(tokenizeStage(tokenizer))
    .to(pack)
    .to(maskStage(settings.policy, settings.pack.windowLength));
  const sink = shardSink({ ...settings.shard(dir), split });
  return { chain, sink, pack: pack.result, read };
}

/** Runs one split from its inputs to its receipt. Same plan, same bytes, whoever runs it and however often. */
export async function runSplit(
  plan: Plan,
  split: number,
  dir: string,
  root: string,
  tokenizer: Tokenizer,
  onProgress: (delta: Progress) => void,
): Promise<Receipt> {
  const settings = settingsOf(plan);
  const rejects: Reject[] = [];
  let documents = 0;
  const context: StageContext = {
    progress(delta) {
      documents += delta.documents ?? 0;
      onProgress(delta);
    },
    reject(reject) {
      rejects.push(reject);
      if (rejects.length < HOPELESS || documents > 0) return;
      const path = plan.inputs[reject.input]?.path ?? '';
      throw inputMalformed(
        path,
        `record ${reject.record}`,
        `none of ${HOPELESS} records is a document: ${reject.detail}`,
      );
    },
  };
  const { chain, sink, pack, read } = splitChain(plan, settings, split, dir, root, tokenizer);
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
  const { sources, provenance } = settings;
  const name = splitName(split);
  const commit = async (path: string, bytes: Uint8Array | string): Promise<FileEntry> => ({
    path,
    ...(await commitFile(`${dir}/${path}`, bytes)),
  });
  for (const piece of pack.tail) add(packed, piece.source, piece.ids.length);
  const table = await commit(`documents/${name}.arrow`, documentBytes(pack.documents, sources, provenance));
  const tail =
    pack.tail.length === 0
      ? null
      : {
          ...(await commit(`tails/${name}.arrow`, tailBytes(pack.tail, sources, provenance))),
          pieces: pack.tail.length,
          tokens: pack.tail.reduce((sum, { ids }) => sum + ids.length, 0),
        };
  const rejected =
    rejects.length === 0
      ? null
      : { ...(await commit(`rejects/${name}.jsonl`, rejectLines(rejects, plan))), records: rejects.length };
  const receipt: Receipt = {
    plan: plan.id,
    split,
    read,
    documents: pack.documents.length,
    windows: shards.reduce((sum, shard) => sum + shard.windows, 0),
    shards,
    table,
    tail,
    rejects: rejected,
    ledger: ledgers(plan, settings.pack, pack, rejects, packed),
  };
  await commitFile(`${dir}/${receiptPath(split)}`, `${canonicalJson(receipt as unknown as Json)}\n`);
  return receipt;
}

function countSegments({ window }: MaskedWindow, packed: Map<string, number>): void {
  for (const { source, length } of window.segments) add(packed, source, length);
}
const add = (counts: Map<string, number>, source: string, by: number): void => {
  counts.set(source, (counts.get(source) ?? 0) + by);
};

/** `read` is counted from the tokenizer's output, `packed` from windows and tail as written: two independent counts. */
function ledgers(
  plan: Plan,
  options: PackOptions,
  pack: PackResult,
  rejects: readonly Reject[],
  packed: ReadonlyMap<string, number>,
): Record<string, Ledger> {
  const bySource: Record<string, OpenLedger> = {};
  const of = (source: string) => (bySource[source] ??= emptyLedger());
  for (const { source, bytes, tokens, parts } of pack.documents) {
    const ledger = of(source);
    ledger.bytes += bytes;
    ledger.documents.read++;
    ledger.tokens.read += tokens;
    if (parts > 0) {
      ledger.documents.packed++;
      ledger.tokens.inserted += options.separator === null ? 0 : 1;
    } else count(ledger.documents.dropped, tokens === 0 ? 'no-tokens' : 'longer-than-window', 1);
  }
  for (const { source, reason, tokens } of pack.dropped) count(of(source).tokens.dropped, reason, tokens);
  for (const { input, reason } of rejects) count(of(plan.inputs[input]?.source ?? '').rejected, reason, 1);
  for (const [source, tokens] of packed) of(source).tokens.packed += tokens;
  return bySource;
}

/** Rejects as lines; `merge` turns record numbers of a part into those of the file. */
const rejectLines = (rejects: readonly Reject[], plan: Plan): string =>
  rejects.map((reject) => `${canonicalJson({ file: plan.inputs[reject.input]?.path ?? '', ...reject })}\n`).join('');
