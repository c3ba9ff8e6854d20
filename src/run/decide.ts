import { canonicalJson } from '../core/fingerprint.ts';
import { MAX_METADATA_BYTES } from '../core/limits.ts';
import { commitFile, commitStream } from '../io/commit.ts';
import { exists, readAll } from '../io/files.ts';
import { decide, DECISIONS, type Surveyed, type Verdicts } from '../mix/index.ts';
import {
  decisionChunks,
  readDecision,
  readDocuments,
  type Receipt,
  splitName,
  type StoredDocuments,
} from '../shard/index.ts';
import type { Plan } from './plan.ts';
import { settingsOf } from './settings.ts';
import { surveyFolder } from './survey.ts';

const decisionPath = (split: number): string => `decision/${splitName(split)}.arrow`;
/** Written last: without it nothing is decided. */
const DECIDED = 'decision/decision.json';

/**
 * Decides what of all documents is there, from the survey, in plan order, and commits it split by split. The same from
 * whoever does it: two processes at it write the same bytes.
 */
export async function decideAll(plan: Plan, dir: string, surveyed: readonly Receipt[]): Promise<void> {
  if (await isDecided(plan, dir)) return;
  const { mixture, provenance } = settingsOf(plan);
  const documents = surveyed.reduce((sum, receipt) => sum + receipt.documents, 0);
  for await (const { surveyed: of, copies, dropped } of decide(() => surveys(dir, surveyed), documents, mixture)) {
    const { rows, split, tokens } = of;
    const reason = (i: number) => DECISIONS[dropped[i]!] || rows.dropped(i);
    await commitStream(`${dir}/${decisionPath(split)}`, async (sink) => {
      for (const chunk of decisionChunks({ tokens, copies, reason }, provenance)) await sink.write(chunk);
    });
  }
  await commitFile(`${dir}/${DECIDED}`, `${canonicalJson({ plan: plan.id, documents })}\n`);
}

/** What was decided on a split. */
export async function readVerdicts(dir: string, split: number): Promise<Verdicts> {
  return readDecision(await readAll(`${dir}/${decisionPath(split)}`, MAX_METADATA_BYTES));
}

async function isDecided(plan: Plan, dir: string): Promise<boolean> {
  const path = `${dir}/${DECIDED}`;
  if (!(await exists(path))) return false;
  const text = new TextDecoder().decode(await readAll(path, MAX_METADATA_BYTES));
  return text.includes(`"plan":"${plan.id}"`);
}

/** The tables of the survey, one in memory at a time. */
export async function* surveys(
  dir: string,
  receipts: readonly Receipt[],
): AsyncGenerator<Surveyed & { readonly rows: StoredDocuments }> {
  for (const { split, table } of receipts) {
    if (!table) continue;
    const rows = readDocuments(await readAll(`${surveyFolder(dir)}/${table.path}`, table.bytes));
    yield {
      rows,
      split,
      length: rows.length,
      hashes: rows.hashes(),
      tokens: rows.tokens(),
      copies: rows.copies(),
      source: rows.source,
    };
  }
}
