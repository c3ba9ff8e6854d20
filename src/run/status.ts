import { resolveNoise } from '../config/index.ts';
import { claimedIn } from '../io/claims.ts';
import { exists, stat } from '../io/files.ts';
import { looksAcross } from '../mix/index.ts';
import { type BitsReceipt, firstNumbers, type PassReceipt, readBitsReceipt, readPassReceipt } from '../shard/index.ts';
import { readDecided } from './decide.ts';
import { readLocal } from './local.ts';
import { type Plan, planIn } from './plan.ts';
import { finishedManifest, receiptsOf, whatIsDone } from './receipts.ts';
import { settingsOf } from './settings.ts';
import { surveyFolder } from './survey.ts';

/** How far a plan is: the answer of `prep status`. While it is surveyed, all counts are of the survey. */
export interface Status {
  readonly plan: string;
  readonly state: 'planned' | 'surveying' | 'packing' | 'packed' | 'merged';
  /** Entries of the plan: splits, or inputs that are cut while they are read. */
  readonly entries: { readonly all: number; readonly done: number; readonly running: number; readonly left: number };
  /** Splits that have their receipts. */
  readonly splits: number;
  /** On disk, of the entries that are done, and of all. */
  readonly bytes: { readonly all: number; readonly done: number };
  readonly documents: number;
  readonly windows: number;
  readonly rejected: number;
  /** Passes of noise that `prep merge` is to make, or has made; `left` are the numbers of those that are not there. */
  readonly passes: { readonly all: number; readonly left: readonly number[] };
}

/** From receipts and claims alone: neither inputs nor tokenizer are looked at. */
export async function statusOf(dir: string): Promise<Status> {
  const plan = await planIn(dir);
  const merged = (await finishedManifest(plan, dir)) !== undefined;
  // Until it is decided what is there, and before anything is packed, the survey is what goes on.
  const first = !merged && looksAcross(settingsOf(plan).mixture) && !(await exists(`${dir}/receipts`));
  const surveys = first && (await readDecided(plan, dir)) === undefined;
  const folder = surveys ? surveyFolder(dir) : dir;
  const done = await whatIsDone(plan, folder, merged);
  const numbers = firstNumbers(plan.splits);
  const claimed = await claimedIn(`${folder}/claims`);
  const all = plan.splits.length;
  let [finished, running, bytes, bytesDone] = [0, 0, 0, 0];
  for (const [i, entry] of plan.splits.entries()) {
    bytes += entry.bytes;
    if (merged || receiptsOf(entry, numbers[i]!, done)) {
      finished++;
      bytesDone += entry.bytes;
    } else if (claimed.has(String(numbers[i]))) running++;
  }
  let [documents, windows, rejected] = [0, 0, 0];
  for (const receipt of done.splits.values()) {
    documents += receipt.documents;
    windows += receipt.windows;
    rejected += receipt.rejects?.records ?? 0;
  }
  const some = done.splits.size > 0 || running > 0;
  const working = surveys ? 'surveying' : finished === all ? 'packed' : 'packing';
  return {
    plan: plan.id,
    state: merged ? 'merged' : some || finished === all ? working : 'planned',
    entries: { all, done: finished, running, left: all - finished - running },
    splits: done.splits.size,
    bytes: { all: bytes, done: bytesDone },
    documents,
    windows,
    rejected,
    passes: await passesOf(dir, plan),
  };
}

async function passesOf(dir: string, { id }: Plan): Promise<Status['passes']> {
  const { passes, bitsets } = resolveNoise((await readLocal(dir))?.afterwards?.noise ?? {}, dir);
  const there = async (file: PassReceipt | BitsReceipt | undefined): Promise<boolean> =>
    file?.plan === id && (await stat(`${dir}/${file.path}`))?.size === file.bytes;
  const left: number[] = [];
  for (let pass = 0; pass < passes; pass++) {
    const whole = await there(await readPassReceipt(dir, pass));
    if (!whole || (bitsets && !(await there(await readBitsReceipt(dir, pass))))) left.push(pass);
  }
  return { all: passes, left };
}
