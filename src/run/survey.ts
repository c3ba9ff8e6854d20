import { corpusIncomplete, fingerprintMismatch } from '../core/errors.ts';
import { firstNumbers, type Receipt, type SourceReceipt } from '../shard/index.ts';
import { countsTokens } from '../mix/index.ts';
import type { Plan, Planned } from './plan.ts';
import { packLeft, type PoolEvents } from './pool.ts';
import { type Done, entriesLeft, receiptsOf, whatIsDone } from './receipts.ts';
import { settingsOf } from './settings.ts';

/** Where the survey of a corpus is, until it is merged. */
export const surveyFolder = (dir: string): string => `${dir}/survey`;

/** What a survey is to find out before it is decided which documents are there. Prompts and filters see tokens as well. */
export function surveyFor(plan: Plan): 'survey' | 'hashes' {
  const { mixture, read } = settingsOf(plan);
  return countsTokens(mixture) || mixture.filter !== null || read.form ? 'survey' : 'hashes';
}

/** Surveys all splits of a plan, as far as that is not done; any number of processes may do so at once. */
export async function surveyAll(
  dir: string,
  { plan, local, model, filter }: Planned,
  workers: number,
  on: PoolEvents & { surveying(left: readonly number[]): void },
  signal: AbortSignal,
  pass: 'survey' | 'hashes' = 'survey',
): Promise<Done> {
  const folder = surveyFolder(dir);
  const done = await whatIsDone(plan, folder, true);
  const left = entriesLeft(plan, done);
  if (left.length === 0) return done;
  on.surveying(left);
  await packLeft({ plan, dir: folder, root: local.root, filter, model, pass }, done, workers, on, signal);
  return whatIsDone(plan, folder, true);
}

/** Receipts of the survey in plan order; CORPUS_INCOMPLETE where one is missing. */
export function surveyReceipts(plan: Plan, dir: string, done: Done): Receipt[] {
  const first = firstNumbers(plan.splits);
  return plan.splits.flatMap((entry, i) => {
    const receipts = receiptsOf(entry, first[i]!, done);
    if (!receipts) throw corpusIncomplete(dir, i, plan.splits.length);
    return receipts;
  });
}

/** What was packed must be what was surveyed: FINGERPRINT_MISMATCH names an input that is another one by now. */
export function checkSurveyed(plan: Plan, surveyed: Iterable<Receipt>, packed: Done): void {
  for (const { split, read } of surveyed) checkRead(plan, read, packed.splits.get(split)?.read ?? []);
}

/** The same of one split, before it has its receipt. */
export function checkRead(plan: Plan, surveyed: readonly SourceReceipt[], packed: readonly SourceReceipt[]): void {
  for (const [i, { input, sha256 }] of surveyed.entries()) {
    const found = packed[i]?.sha256;
    if (found !== undefined && found !== sha256)
      throw fingerprintMismatch(plan.inputs[input]!.path, 'content', found, sha256);
  }
}
