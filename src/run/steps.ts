import { setFlagsFromString } from 'node:v8';
import { interrupted, isPrepError } from '../core/errors.ts';
import { codeOf } from '../io/failure.ts';
import { listFolder, syncFolder } from '../io/files.ts';
import { sweepTemporaries } from '../io/temporary.ts';
import { looksAcross } from '../mix/index.ts';
import type { Manifest } from '../shard/index.ts';
import { checkInputs } from './check-inputs.ts';
import { decideAll } from './decide.ts';
import { changedInputs, type Local } from './local.ts';
import { cleanUp, mergeCorpus } from './merge.ts';
import type { Plan, Planned } from './plan.ts';
import { packLeft, type PoolEvents } from './pool.ts';
import { type Done, entriesLeft, finishedManifest, whatIsDone } from './receipts.ts';
import { FOLDERS, removeSurvey } from './remove.ts';
import { settingsOf } from './settings.ts';
import { checkSurveyed, surveyAll, surveyFolder, surveyFor, surveyReceipts } from './survey.ts';

/** What packing tells: which entries of the plan are left to be surveyed, where that is needed, and then to be packed. */
export interface WorkEvents extends PoolEvents {
  surveying(left: readonly number[]): void;
  packing(left: readonly number[]): void;
}

/** A plan in its folder, and how far it is: what each step goes on from. */
export interface Work {
  readonly dir: string;
  readonly plan: Plan;
  /** What is there of the corpus, where it is finished. */
  manifest: Manifest | undefined;
  done: Done;
}

/** Looks at what is done of a plan. */
export async function lookAt(dir: string, plan: Plan): Promise<Work> {
  const manifest = await finishedManifest(plan, dir);
  const done = await whatIsDone(plan, dir, manifest !== undefined);
  // Another process may have merged meanwhile, and removed the tails without which no split counts as done.
  const merged = manifest ?? (await finishedManifest(plan, dir));
  return { dir, plan, manifest: merged, done: merged && !manifest ? await whatIsDone(plan, dir, true) : done };
}

/**
 * The manifest of another process, where an error comes from its having removed what we looked for. Any other failure is told: a
 * manifest that is there may be our own, put in place a moment before the disk refused to make it last.
 */
export async function mergedElsewhere({ dir, plan }: Work, error: unknown): Promise<Manifest | undefined> {
  const gone = isPrepError(error) && (error.code === 'CORPUS_INCOMPLETE' || codeOf(error.cause) === 'ENOENT');
  return gone ? finishedManifest(plan, dir) : undefined;
}

/** Entries of the plan that are to be done yet. */
export const leftOf = ({ plan, manifest, done }: Work): number[] => (manifest ? [] : entriesLeft(plan, done));

/** Packs what is left. Any number of processes may do so at once. */
export async function packWork(
  work: Work,
  planned: Planned,
  workers: number,
  on: WorkEvents,
  signal: AbortSignal,
): Promise<void> {
  const { dir, plan } = work;
  if (work.manifest) return;
  const { local, model, filter } = planned;
  try {
    if (looksAcross(settingsOf(plan).mixture)) {
      const surveyed = await surveyAll(dir, planned, workers, on, signal, surveyFor(plan));
      await checkUntouched(plan, local, surveyed);
      await decideAll(plan, dir, surveyReceipts(plan, dir, surveyed));
      // That took its time: others may be far ahead.
      Object.assign(work, await lookAt(dir, plan));
      if (work.manifest) return;
    }
    on.packing(leftOf(work));
    await packLeft({ plan, dir, root: local.root, filter, model, pass: 'pack' }, work.done, workers, on, signal);
  } catch (error) {
    await sweep(dir, true);
    throw error;
  }
  ({ manifest: work.manifest, done: work.done } = await lookAt(dir, plan));
  await checkUntouched(plan, local, work.done);
}

/** What was written to while we read it: its parts must be of one version, that of the hashes in the receipts. */
async function checkUntouched(plan: Plan, local: Local, done: Done): Promise<void> {
  const touched = new Set(await changedInputs(plan, local));
  const modified = local.modified.map((time, i) => (touched.has(plan.inputs[i]!.path) ? -1 : time));
  await checkInputs(plan, { ...local, modified }, local, done);
}

/** What is surveyed of a plan; nothing where it needs no survey, or where the survey is removed. */
export async function surveyedOf({ dir, plan }: Work): Promise<Done> {
  const none: Done = { splits: new Map(), streams: new Map(), seen: new Set() };
  return looksAcross(settingsOf(plan).mixture) ? whatIsDone(plan, surveyFolder(dir), true) : none;
}

/**
 * Removes what the manifest makes superfluous, also what was put there by a process that did not know of it: what it left is
 * looked for again. The manifest may be that of a run that died before it could make its name last: first that.
 */
export async function tidy(work: Work): Promise<void> {
  await syncFolder(work.dir);
  work.done = await whatIsDone(work.plan, work.dir, true);
  await cleanUp(work.dir, work.done.splits.values());
  await removeSurvey(work.dir);
}

/**
 * Merges a plan that is packed, and removes what the manifest makes superfluous. Another process may be faster: then it has
 * removed the tails that we are about to read, and its manifest is ours.
 */
export async function mergeWork(work: Work, rejectShare: number, signal: AbortSignal): Promise<Manifest> {
  const { dir, plan } = work;
  // By now there are no workers. Without it this thread comes to gather 32 MiB of short-lived objects as a merge goes on.
  setFlagsFromString('--semi-space-growth-factor=1');
  // Merging runs on this thread: it asks between two batches. What is being written then is given up.
  const progress = () => {
    if (signal.aborted) throw interrupted(plan.splits.length, plan.splits.length);
  };
  const merge = async (): Promise<Manifest> => {
    try {
      checkSurveyed(plan, (await surveyedOf(work)).splits.values(), work.done);
      return await mergeCorpus(plan, dir, work.done, rejectShare, { progress, reject() {} });
    } catch (error) {
      const found = await mergedElsewhere(work, error);
      if (!found) throw error;
      return found;
    }
  };
  work.manifest ??= await merge();
  await tidy(work);
  return work.manifest;
}

/** Removes temporary files of runs that were killed; with `own`, of this one, whose workers have been stopped. */
export async function sweep(dir: string, own: boolean): Promise<void> {
  const policies = await listFolder(`${dir}/masks`);
  for (const name of ['.', ...FOLDERS, ...policies.map((policy) => `masks/${policy}`)])
    await sweepTemporaries(`${dir}/${name}`, own);
}
