import { corpusCorrupt, corpusIncomplete } from '../core/errors.ts';
import { canonicalJson, type Json } from '../core/fingerprint.ts';
import { MAX_METADATA_BYTES } from '../core/limits.ts';
import { commitFile, commitStream } from '../io/commit.ts';
import { exists, readAll, stat } from '../io/files.ts';
import { decide, DECISIONS, type Surveyed, type Verdicts } from '../mix/index.ts';
import {
  decisionChunks,
  decoded,
  type FileEntry,
  readDecision,
  readDocuments,
  readProven,
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
  if (await readDecided(plan, dir)) return;
  const { mixture, provenance } = settingsOf(plan);
  const documents = surveyed.reduce((sum, receipt) => sum + receipt.documents, 0);
  const files: FileEntry[] = [];
  for await (const { surveyed: of, copies, dropped } of decide(() => surveys(dir, surveyed), documents, mixture)) {
    const { rows, split, hashes } = of;
    const reason = (i: number) => DECISIONS[dropped[i]!] || rows.dropped(i);
    const path = decisionPath(split);
    const file = await commitStream(`${dir}/${path}`, async (sink) => {
      for (const chunk of decisionChunks({ hashes, copies, reason }, provenance)) await sink.write(chunk);
    });
    files.push({ path, ...file });
  }
  const decided = { plan: plan.id, documents, files } satisfies Decided;
  await commitFile(`${dir}/${DECIDED}`, `${canonicalJson(decided as unknown as Json)}\n`);
}

/** What was decided, by split: each is read when it is asked for, and compared with its hash. CORPUS_INCOMPLETE where nothing is. */
export async function openDecision(plan: Plan, dir: string): Promise<(split: number) => Promise<Verdicts>> {
  const decided = await readDecided(plan, dir);
  if (!decided) throw corpusIncomplete(dir, 0, plan.splits.length);
  const files = new Map(decided.files.map((file) => [file.path, file]));
  return async (split) => {
    const path = decisionPath(split);
    const file = files.get(path);
    if (!file) throw corpusCorrupt(`${dir}/${DECIDED}`, '/files', `${path} is not among them`);
    const bytes = await readProven(dir, file);
    return decoded(`${dir}/${path}`, () => readDecision(bytes));
  };
}

/** What decision.json says. */
interface Decided {
  readonly plan: string;
  readonly documents: number;
  readonly files: readonly FileEntry[];
}

/** The decision, if it is there: of this plan, with all its files. Anything else is decided again. */
export async function readDecided(plan: Plan, dir: string): Promise<Decided | undefined> {
  const path = `${dir}/${DECIDED}`;
  if (!(await exists(path))) return undefined;
  const decided = parsed(await readAll(path, MAX_METADATA_BYTES));
  if (decided?.plan !== plan.id) return undefined;
  for (const { path: file, bytes } of decided.files)
    if ((await stat(`${dir}/${file}`))?.size !== bytes) return undefined;
  return decided;
}

function parsed(bytes: Uint8Array): Decided | undefined {
  try {
    const { plan, documents, files } = Object(JSON.parse(new TextDecoder().decode(bytes))) as Partial<Decided>;
    if (typeof plan !== 'string' || typeof documents !== 'number' || !Array.isArray(files)) return undefined;
    const ours = files.every((file: unknown) => typeof (file as FileEntry | null)?.path === 'string');
    return ours ? { plan, documents, files } : undefined;
  } catch {
    return undefined;
  }
}

/** The tables of the survey, one in memory at a time. */
export async function* surveys(
  dir: string,
  receipts: readonly Receipt[],
): AsyncGenerator<Surveyed & { readonly rows: StoredDocuments }> {
  const folder = surveyFolder(dir);
  for (const { split, table, documents } of receipts) {
    if (!table) continue;
    const bytes = await readProven(folder, table);
    const rows = decoded(`${folder}/${table.path}`, () => readDocuments(bytes));
    if (rows.length !== documents)
      throw corpusCorrupt(`${folder}/${table.path}`, 'its rows', `are ${rows.length}, its receipt says ${documents}`);
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
