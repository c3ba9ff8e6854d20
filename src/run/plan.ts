import { resolve } from 'node:path';
import { type Pipeline, planConfig, rawNoise } from '../config/index.ts';
import { corpusCorrupt, fingerprintMismatch, inputNotFound, inputRootUnknown, planNotFound } from '../core/errors.ts';
import { canonicalJson, canonicalObject, type Json } from '../core/fingerprint.ts';
import { commitFile, commitNew } from '../io/commit.ts';
import { exists } from '../io/files.ts';
import { sha256, sha256OfFile } from '../io/hash.ts';
import type { InputFile, Part } from '../read/index.ts';
import { FORMAT, PLAN, readChecked, type TokenizerInfo } from '../shard/index.ts';
import { type ForeignModel, hashOf, type Model, openTokenizer, resolveSpecialIds } from '../tokenize/index.ts';
import { cutInputs, usualSplitBytes } from './cut.ts';
import { differing } from './differing.ts';
import { findInputs } from './inputs.ts';
import { formOf } from './form.ts';
import { type Local, modifiedTimes, readLocal } from './local.ts';
import { loadModel } from './model-cache.ts';
import { settingsOf } from './settings.ts';
import { VERSION } from './version.ts';

/** An input as the plan lists it: `path` is relative to the inputs' common folder, so a moved corpus keeps its plan. */
export interface PlannedInput {
  readonly path: string;
  readonly size: number;
  readonly format: InputFile['format'];
  readonly compression: InputFile['compression'];
  readonly source: string;
}

/**
 * An entry of a plan: a split, which is the unit of work, retry and resume: parts of inputs, in order, of about `split_bytes`
 * together. Or, with `slots`, an input that is cut while it is read: so many split numbers are kept for it.
 */
export interface Split {
  readonly parts: readonly Part[];
  /** On disk. */
  readonly bytes: number;
  readonly slots?: number;
  /** Of a dry run's sample alone, where an input is cut while it is read: bytes on disk that are enough. */
  readonly stopAt?: number;
}

/** Immutable; `id` is a hash of everything that decides a byte of the corpus. */
export interface Plan {
  readonly id: string;
  readonly format: string;
  readonly version: string;
  readonly config: Json;
  readonly tokenizer: TokenizerInfo;
  readonly inputs: readonly PlannedInput[];
  readonly splits: readonly Split[];
}

export interface Planned {
  readonly plan: Plan;
  readonly local: Local;
  readonly model: Model | ForeignModel;
  /** Absolute path of the user's filter module: from the user each time, and out of no folder. */
  readonly filter: string | null;
}

/** What a plan's id is made of. */
export type Identity = Omit<Plan, 'id' | 'splits'>;

/**
 * Looks at the inputs and the tokenizer. With a plan already in the folder: that one, if it is the same; FINGERPRINT_MISMATCH
 * names the first thing that is not. Otherwise cuts the inputs into splits and, unless only asked to look, commits a new plan.
 * `replace` clears the folder, whatever is in it: it is called when all that the new plan needs has been read.
 */
export async function makePlan(
  pipeline: Pipeline,
  { commit = true, replace }: { commit?: boolean; replace?: () => Promise<void> } = {},
): Promise<Planned> {
  const { model, bytes } = await loadModel(pipeline.tokenizer);
  const loaded = openTokenizer(model, { specialTokens: pipeline.specialText, template: pipeline.template });
  const { specialIds, vocabSize } = resolveSpecialIds(loaded, pipeline.specialTokens);
  const { files, modified, root } = await findInputs(pipeline);
  const splitBytes = pipeline.splitBytes ?? usualSplitBytes(files, pipeline.window);
  const identity: Identity = {
    format: FORMAT,
    version: VERSION,
    config: planConfig(pipeline, splitBytes, await filterHash(pipeline.filter), await formOf(pipeline)),
    tokenizer: { sha256: loaded.sha256, vocabSize, specialIds },
    inputs: files.map(({ name, size, format, compression, source }) => ({
      path: name,
      size,
      format,
      compression,
      source,
    })),
  };
  // Of 100,000 inputs 10 MB: written once, and part of the plan's own text.
  const members = Object.fromEntries(
    Object.entries(identity).map(([name, value]) => [name, canonicalJson(value as Json)] as const),
  );
  const id = sha256(Buffer.from(canonicalObject(members)));
  const { rejectShare, noise, filter } = pipeline;
  const local: Local = { root, modified, afterwards: { rejectShare, noise: rawNoise(noise) } };
  const existing = replace ? undefined : await readPlan(pipeline.out);
  if (existing) {
    if (existing.id === id) {
      if (commit) await commitBeside(pipeline.out, bytes, local);
      return { plan: existing, local, model, filter };
    }
    // Only asked to look: the plan as it would be, whatever is in the folder.
    if (commit) throw differing(pipeline.out, identity, existing);
  }
  const splits = await cutInputs(files, splitBytes, settingsOf({ id, ...identity, splits: [] }).read);
  const text = canonicalObject({
    ...members,
    id: JSON.stringify(id),
    splits: canonicalJson(splits as unknown as Json),
  });
  // As the next run will read it: the order of members is that of the file from the start.
  const plan = JSON.parse(text) as Plan;
  if (!commit) return { plan, local, model, filter };
  await replace?.();
  // First, and in nobody's place: of two plans that were made at once for one folder, the other is refused before it writes.
  if (!(await commitNew(`${pipeline.out}/${PLAN}`, `${text}\n`))) {
    const other = await planIn(pipeline.out);
    if (other.id !== id) throw differing(pipeline.out, identity, other);
  }
  await commitBeside(pipeline.out, bytes, local);
  return { plan, local, model, filter };
}

/** What a plan needs beside it, where a run that was cut short did not come to it. */
async function commitBeside(dir: string, tokenizer: Uint8Array, local: Local): Promise<void> {
  if (!(await exists(`${dir}/tokenizer.json`))) await commitFile(`${dir}/tokenizer.json`, tokenizer);
  if (!(await exists(`${dir}/local.json`)))
    await commitFile(`${dir}/local.json`, canonicalJson(local as unknown as Json));
}

const filterHash = async (path: string | null): Promise<string | null> => {
  if (path === null) return null;
  if (!(await exists(path))) throw inputNotFound(path, 'filter');
  return sha256OfFile(path);
};

/**
 * The plan in a folder and what it needs: the tokenizer lies beside it, and where the inputs are says `root`, or local.json.
 * CORPUS_NOT_FOUND without a plan, INPUT_ROOT_UNKNOWN, or FINGERPRINT_MISMATCH for another tokenizer.
 */
export async function openPlan(dir: string, { root, filter = null }: GivenAgain): Promise<Planned> {
  const plan = await ownPlanIn(dir);
  settingsOf(plan);
  const known = await readLocal(dir);
  const folder = await rootOf(dir, root);
  const path = `${dir}/tokenizer.json`;
  const { model, bytes } = await loadModel(path);
  const { sha256 } = plan.tokenizer;
  if (hashOf(bytes) !== sha256) throw fingerprintMismatch(path, 'content', hashOf(bytes), sha256);
  const modified = await modifiedTimes(plan, folder);
  return { plan, local: { ...known, root: folder, modified }, model, filter };
}

/** The plan in a corpus folder, if there is one; CORPUS_CORRUPT if its id is not that of its content. */
export async function readPlan(dir: string): Promise<Plan | undefined> {
  const path = `${dir}/${PLAN}`;
  if (!(await exists(path))) return undefined;
  const plan = await readChecked<Plan>('plan', path);
  const { id, splits: _, ...identity } = plan;
  if (id !== sha256(Buffer.from(canonicalJson(identity as unknown as Json))))
    throw corpusCorrupt(path, '/id', 'is not that of its content');
  return plan;
}

/** What a plan in a folder is told of this machine: where its inputs lie, if not where they were, and the user's filter. */
export interface GivenAgain {
  readonly root?: string;
  readonly filter?: string | null;
}

/** The folder that the inputs of a plan lie in on this machine: as given, or as local.json says. INPUT_ROOT_UNKNOWN. */
export async function rootOf(dir: string, given?: string): Promise<string> {
  const root = given === undefined ? (await readLocal(dir))?.root : resolve(given);
  if (root === undefined) throw inputRootUnknown(dir, (await planIn(dir)).inputs[0]!.path);
  return root;
}

/** The same where there has to be one: CORPUS_NOT_FOUND. */
export async function planIn(dir: string): Promise<Plan> {
  const plan = await readPlan(dir);
  if (!plan) throw planNotFound(dir);
  return plan;
}

/** The same where more is made of it: FINGERPRINT_MISMATCH for that of another version, whose bytes may be others. */
export async function ownPlanIn(dir: string): Promise<Plan> {
  const plan = await planIn(dir);
  if (plan.version !== VERSION) throw fingerprintMismatch(`${dir}/${PLAN}`, 'version', VERSION, plan.version);
  return plan;
}
