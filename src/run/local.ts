import { isPrepError } from '../core/errors.ts';
import type { NoiseRecord } from '../core/noise.ts';
import { exists } from '../io/files.ts';
import { statAll } from '../io/look.ts';
import { readChecked } from '../shard/index.ts';
import type { Plan } from './plan.ts';

/** What of a plan is in no identity: kept beside it in local.json, which may be deleted. */
export interface Local {
  /** Absolute folder the inputs' paths are relative to. */
  readonly root: string;
  /** Modification times of the inputs, milliseconds: an early warning only. */
  readonly modified: readonly number[];
  readonly afterwards?: Afterwards;
}

/** What `prep merge` does besides, unless it is told otherwise. */
export interface Afterwards {
  readonly rejectShare: number;
  /** As a pipeline file has it. */
  readonly noise: NoiseRecord;
}

/** What local.json says; undefined without one that can be read: a warning is lost, and the inputs are hashed again. */
export async function readLocal(dir: string): Promise<Local | undefined> {
  const path = `${dir}/local.json`;
  if (!(await exists(path))) return undefined;
  try {
    return await readChecked<Local>('local', path);
  } catch (error) {
    if (!isPrepError(error)) throw error;
    return undefined;
  }
}

/** Where one is not what it was it has -1, which is no time. */
export async function modifiedTimes(plan: Plan, root: string): Promise<number[]> {
  const found = await statAll(plan.inputs.map(({ path }) => `${root}/${path}`));
  return plan.inputs.map(({ size }, i) => (found[i]?.size === size ? Math.trunc(found[i].modified) : -1));
}

/**
 * Names of the inputs that are not what they were when the plan was looked at (gone, another size or modification time).
 * Asked again after packing, before anything is built on it: what changes while it is read is a mix that no hash gives away.
 */
export async function changedInputs(plan: Plan, local: Local): Promise<string[]> {
  const now = await modifiedTimes(plan, local.root);
  return plan.inputs.flatMap(({ path }, i) => (now[i] === local.modified[i] && now[i] !== -1 ? [] : [path]));
}
