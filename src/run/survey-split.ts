import { bytesOf, ONCE } from '../core/document.ts';
import { DocumentTable } from '../core/document-table.ts';
import { subsetDraw } from '../core/draws.ts';
import { canonicalJson, type Json } from '../core/fingerprint.ts';
import type { Overflow, Spool, StageContext } from '../core/stage.ts';
import { commitFile, commitStream } from '../io/commit.ts';
import { roomIn } from '../io/room.ts';
import { documentChunks, type Ledger, type Receipt, receiptPath, splitName } from '../shard/index.ts';
import { count, emptyLedger, type OpenLedger } from './ledger.ts';
import type { Plan } from './plan.ts';
import { RejectLog } from './rejects.ts';
import { settingsOf } from './settings.ts';
import type { Progress } from './split.ts';
import { type Reading, tokenRuns } from './token-runs.ts';

/**
 * Looks at the documents of a split without packing them: its table, in which `copies` and `dropped` say what the rules
 * that look at one document alone make of each, and `parts`, of which there are none yet, are the tokens of its prompt; `tokens`
 * is 0 where only hashes are wanted. With a receipt like any split's, in a folder of its own.
 */
export async function surveySplit(
  plan: Plan,
  split: number,
  dir: string,
  reading: Reading,
  overflow: Overflow,
  pass: 'survey' | 'hashes',
  onProgress: (delta: Progress) => void,
): Promise<void> {
  const settings = settingsOf(plan);
  const { sources, provenance, pack } = settings;
  const rejects = new RejectLog(plan);
  const context: StageContext = {
    progress: onProgress,
    reject: (reject) => rejects.add(reject),
    spool: () => Promise.resolve(counting()),
    room: () => roomIn(dir, 'text'),
  };
  const names = plan.inputs.map(({ source }) => source);
  const table = new DocumentTable(names, overflow);
  const subsetOf = subsetDraw(pack.validation, pack.seed);
  const { chain, read } = tokenRuns(plan, settings, split, reading, pass);
  await chain
    .into({
      name: 'survey',
      fingerprint: '',
      async write(runs) {
        for await (const { items } of runs)
          for (const { document, ids, verdict = ONCE, promptTokens = 0 } of items) {
            const { origin, id, hash, group } = document;
            const row = {
              ...origin,
              id,
              bytes: bytesOf(document),
              tokens: ids.length,
              hash,
              group,
              subset: subsetOf(hash),
            };
            table.add({ ...row, ...verdict, parts: promptTokens });
          }
      },
    })
    .run(context);
  const path = `documents/${splitName(split)}.arrow`;
  const file = await commitStream(`${dir}/${path}`, async (sink) => {
    for (const chunk of documentChunks(table, sources, provenance)) await sink.write(chunk);
  });
  const receipt: Receipt = {
    plan: plan.id,
    split,
    read,
    documents: table.length,
    windows: 0,
    shards: [],
    table: { path, ...file },
    tail: null,
    rejects: null,
    ledger: ledgers(table, rejects),
  };
  await commitFile(`${dir}/${receiptPath(split)}`, `${canonicalJson(receipt as unknown as Json)}\n`);
}

/** Of a long text only the number of its tokens is wanted. */
function counting(): Spool {
  let length = 0;
  return {
    get length() {
      return length;
    },
    add(ids) {
      length += ids.length;
      return Promise.resolve();
    },
    subarray: () => {
      throw new RangeError('nothing is kept');
    },
  };
}

/** What was read, by source: nothing is packed yet. */
function ledgers(table: DocumentTable, rejects: RejectLog): Record<string, Ledger> {
  const bySource = new Map<string, OpenLedger>();
  const of = (source: string): OpenLedger => {
    const ledger = bySource.get(source) ?? emptyLedger();
    bySource.set(source, ledger);
    return ledger;
  };
  for (const rows of table.blocks())
    for (let i = 0; i < rows.length; i++) {
      const ledger = of(table.sourceOf(rows, i));
      ledger.documents.read++;
      ledger.tokens.read += rows.tokens[i]!;
      ledger.bytes += rows.bytes[i]!;
    }
  for (const [source, counts] of rejects.counts)
    for (const [reason, n] of Object.entries(counts)) count(of(source).rejected, reason, n);
  return Object.fromEntries(bySource);
}
