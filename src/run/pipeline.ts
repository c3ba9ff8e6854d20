import { type Pipeline } from '../config/index.ts';
import { interrupted, isPrepError, messageOf } from '../core/errors.ts';
import { MAX_METADATA_BYTES } from '../core/limits.ts';
import { exists, listFolder, readAll } from '../io/files.ts';
import { sweepTemporaries } from '../io/temporary.ts';
import { type Manifest } from '../shard/index.ts';
import { cleanUp, mergeCorpus } from './merge.ts';
import { writeNoise } from './noise.ts';
import { changedInputs, type Local, makePlan, type Planned } from './plan.ts';
import { runSplits } from './pool.ts';
import { checkInputs, finishedManifest, finishedSplits, readReceipt } from './receipts.ts';
import { FOLDERS, removeCorpus } from './remove.ts';
import type { Progress } from './split.ts';

/** What a run tells while it goes on. */
export interface RunEvents {
  planned(planned: Planned, done: number): void;
  progress(delta: Progress): void;
  splitDone(split: number): void;
  merged(manifest: Manifest): void;
  pass(pass: number): void;
}

export interface RunOptions {
  readonly workers: number;
  /** Starts over where the folder holds another plan. */
  readonly overwrite: boolean;
  readonly signal: AbortSignal;
}

/** Plan, pack, merge and noise, as far as they are not done: the same call resumes what was cut short. */
export async function runPipeline(pipeline: Pipeline, options: RunOptions, events: RunEvents): Promise<Manifest> {
  const dir = pipeline.out;
  await sweep(dir, false);
  const before = await readLocal(dir);
  const planned = await makePlan(pipeline, options.overwrite ? { replace: () => removeCorpus(dir) } : {});
  const { plan, local, model } = planned;
  const finished = await finishedManifest(plan, dir);
  const done = await finishedSplits(plan, dir, finished !== undefined);
  await checkInputs(plan, local, before, done.values());
  events.planned(planned, finished ? plan.splits.length : done.size);
  const manifest = finished ?? (await packOrFind());
  await cleanUp(dir, done.values());
  events.merged(manifest);
  await writeNoise(dir, pipeline.noise, (pass) => {
    events.pass(pass);
    stopIfAsked();
  });
  return manifest;

  /** Merge and noise run on this thread: they ask between two batches. What is being written then is given up. */
  function stopIfAsked(): void {
    if (options.signal.aborted) throw interrupted(done.size, plan.splits.length);
  }

  /** Another run on this folder may be faster: then it removes the tails that we are about to read. */
  async function packOrFind(): Promise<Manifest> {
    try {
      return await pack();
    } catch (error) {
      const found = isPrepError(error) && error.code === 'IO_FAILED' ? await finishedManifest(plan, dir) : undefined;
      if (!found) throw error;
      for (const [split, receipt] of await finishedSplits(plan, dir, true)) done.set(split, receipt);
      return found;
    }
  }

  async function pack(): Promise<Manifest> {
    const missing = plan.splits.flatMap((_, split) => (done.has(split) ? [] : [split]));
    const on = { progress: (_: number, delta: Progress) => events.progress(delta), done: events.splitDone };
    const data = { plan, dir, root: local.root, filter: pipeline.filter, model };
    await runSplits(missing, options.workers, data, on, options.signal).catch(async (error: unknown) => {
      await sweep(dir, true);
      throw error;
    });
    for (const split of missing) done.set(split, (await readReceipt(plan, dir, split))!);
    // What was written to while we read it: its parts must be of one version, that of the hashes in the receipts.
    const touched = new Set(await changedInputs(plan, local));
    const modified = local.modified.map((time, i) => (touched.has(plan.inputs[i]!.path) ? -1 : time));
    await checkInputs(plan, { ...local, modified }, local, done.values());
    const context = { progress: stopIfAsked, reject: () => {} };
    return mergeCorpus(plan, dir, done, pipeline.rejectShare, context);
  }
}

/** Removes temporary files of runs that were killed; with `own`, of this one, whose workers have been stopped. */
async function sweep(dir: string, own: boolean): Promise<void> {
  const policies = (await exists(`${dir}/masks`)) ? await listFolder(`${dir}/masks`) : [];
  for (const name of ['.', ...FOLDERS, ...policies.map((policy) => `masks/${policy}`)])
    await sweepTemporaries(`${dir}/${name}`, own);
}

async function readLocal(dir: string): Promise<Local | undefined> {
  const path = `${dir}/local.json`;
  if (!(await exists(path))) return undefined;
  try {
    return JSON.parse(new TextDecoder().decode(await readAll(path, MAX_METADATA_BYTES))) as Local;
  } catch (error) {
    // Only an early warning is lost.
    return void messageOf(error);
  }
}
