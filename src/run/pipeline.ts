import { type NoiseSettings, type Pipeline, resolveNoise } from '../config/index.ts';
import { interrupted } from '../core/errors.ts';
import type { NoiseRecord } from '../core/noise.ts';
import type { Manifest } from '../shard/index.ts';
import { isForeign } from '../tokenize/index.ts';
import { checkInputs } from './check-inputs.ts';
import { type Local, readLocal } from './local.ts';
import { writeNoise } from './noise.ts';
import { type GivenAgain, makePlan, openPlan, ownPlanIn, type Plan, type Planned } from './plan.ts';
import { removeCorpus } from './remove.ts';
import {
  leftOf,
  lookAt,
  mergedElsewhere,
  mergeWork,
  packWork,
  surveyedOf,
  sweep,
  tidy,
  type Work,
  type WorkEvents,
} from './steps.ts';

/** What a run tells while it goes on. */
export interface RunEvents extends WorkEvents {
  /** `left` are the entries of the plan that are to be done yet; `foreign` is why the tokenizer is not run by the kernel. */
  planned(plan: Plan, left: readonly number[], foreign: string | null): void;
  /** All splits have their receipts. */
  packed(): void;
  /** There are to be `passes` of noise. */
  merged(manifest: Manifest, passes: number): void;
  pass(pass: number): void;
}

export interface RunOptions {
  readonly workers: number;
  readonly signal: AbortSignal;
}

/** Plan, pack, merge and noise, as far as they are not done: the same call resumes what was cut short. */
export async function runPipeline(
  pipeline: Pipeline,
  options: RunOptions & { readonly overwrite: boolean },
  events: RunEvents,
): Promise<Manifest> {
  const before = await readLocal(pipeline.out);
  const planned = await planPipeline(pipeline, options.overwrite);
  const work = await packed(pipeline.out, planned, before, options, events);
  return merged(work, pipeline.rejectShare, pipeline.noise, options, events);
}

/** Plans only: what `prep pack DIR` and `prep merge DIR` go on from. */
export async function planPipeline(pipeline: Pipeline, overwrite: boolean): Promise<Planned> {
  const dir = pipeline.out;
  await sweep(dir, false);
  return makePlan(pipeline, overwrite ? { replace: () => removeCorpus(dir) } : {});
}

/** Packs what is left of the plan in a folder. */
export async function packFolder(
  dir: string,
  given: GivenAgain,
  options: RunOptions,
  events: RunEvents,
): Promise<Work> {
  const planned = await openPlan(dir, given);
  await sweep(dir, false);
  const work = await packed(dir, planned, await readLocal(dir), options, events);
  // Merged by another process while we packed: what we wrote after it is nobody's else to remove.
  if (work.manifest) await tidy(work);
  return work;
}

/**
 * Merges the plan in a folder, all of which is packed; what is not given is as the plan was made. Inputs are not looked at: they
 * may be on another machine.
 */
export async function mergeFolder(
  dir: string,
  { rejectShare, noise }: { rejectShare?: number; noise: NoiseRecord },
  options: RunOptions,
  events: RunEvents,
): Promise<Manifest> {
  const plan = await ownPlanIn(dir);
  await sweep(dir, false);
  const work = await lookAt(dir, plan);
  events.planned(plan, leftOf(work), null);
  const afterwards = (await readLocal(dir))?.afterwards;
  const passes = resolveNoise({ ...afterwards?.noise, ...noise }, dir);
  return merged(work, rejectShare ?? afterwards?.rejectShare ?? REJECT_SHARE, passes, options, events);
}

/** As the schema of a pipeline has it, for a folder that lost local.json. */
const REJECT_SHARE = 0.05;

async function packed(
  dir: string,
  planned: Planned,
  before: Local | undefined,
  { workers, signal }: RunOptions,
  events: RunEvents,
): Promise<Work> {
  const { plan, local, model } = planned;
  const work = await lookAt(dir, plan);
  await checkInputs(plan, local, before, work.done);
  events.planned(plan, leftOf(work), isForeign(model) ? model.why : null);
  try {
    if (!work.manifest) await checkInputs(plan, local, before, await surveyedOf(work));
    await packWork(work, planned, workers, events, signal);
  } catch (error) {
    work.manifest = await mergedElsewhere(work, error);
    if (!work.manifest) throw error;
  }
  events.packed();
  return work;
}

async function merged(
  work: Work,
  rejectShare: number,
  noise: NoiseSettings,
  { signal }: RunOptions,
  events: RunEvents,
): Promise<Manifest> {
  const manifest = await mergeWork(work, rejectShare, signal);
  events.merged(manifest, noise.passes);
  const { length } = work.plan.splits;
  const onPass = (pass: number): void => {
    events.pass(pass);
    if (signal.aborted) throw interrupted(length, length);
  };
  await writeNoise(work.dir, noise, { onPass, signal });
  return manifest;
}
