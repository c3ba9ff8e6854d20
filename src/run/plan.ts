import { type Pipeline, planConfig } from '../config/index.ts';
import { corpusCorrupt, fingerprintMismatch, inputNotFound } from '../core/errors.ts';
import { canonicalJson, fingerprint, type Json } from '../core/fingerprint.ts';
import { commitFile } from '../io/commit.ts';
import { exists, stat } from '../io/files.ts';
import { sha256OfFile } from '../io/hash.ts';
import { cutParts, type InputFile, type Part } from '../read/index.ts';
import { FORMAT, PLAN, readChecked, type TokenizerInfo } from '../shard/index.ts';
import { type ForeignModel, type Model, openTokenizer, resolveSpecialIds } from '../tokenize/index.ts';
import { findInputs } from './inputs.ts';
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

/** The unit of work, retry and resume: parts of inputs, in order, of about `split_bytes` together. */
export interface Split {
  readonly parts: readonly Part[];
  readonly bytes: number;
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

/** What of a plan belongs to this machine: kept beside it in local.json, part of no identity. */
export interface Local {
  /** Absolute folder the inputs' paths are relative to. */
  readonly root: string;
  /** Modification times of the inputs, milliseconds: an early warning only. */
  readonly modified: readonly number[];
}

export interface Planned {
  readonly plan: Plan;
  readonly local: Local;
  readonly model: Model | ForeignModel;
}

/** What a plan's id is made of. */
type Identity = Omit<Plan, 'id' | 'splits'>;

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
  const identity: Identity = {
    format: FORMAT,
    version: VERSION,
    config: planConfig(pipeline, await filterHash(pipeline.filter)),
    tokenizer: { sha256: loaded.sha256, vocabSize, specialIds },
    inputs: files.map(({ name, size, format, compression, source }) => ({
      path: name,
      size,
      format,
      compression,
      source,
    })),
  };
  const id = fingerprint(identity as unknown as Json);
  const local = { root, modified };
  const existing = replace ? undefined : await readPlan(pipeline.out);
  if (existing) {
    if (existing.id === id) return { plan: existing, local, model };
    // Only asked to look: the plan as it would be, whatever is in the folder.
    if (commit) throw differing(pipeline.out, identity, existing);
  }
  const parts: Part[] = [];
  for (const [input, file] of files.entries()) parts.push(...(await cutParts(file, input, pipeline.splitBytes)));
  const text = canonicalJson({ id, ...identity, splits: groupParts(parts, pipeline.splitBytes) } as unknown as Json);
  // As the next run will read it: the order of members is that of the file from the start.
  const plan = JSON.parse(text) as Plan;
  settingsOf(plan);
  if (!commit) return { plan, local, model };
  await replace?.();
  await commitFile(`${pipeline.out}/tokenizer.json`, bytes);
  await commitFile(`${pipeline.out}/local.json`, canonicalJson({ root, modified }));
  await commitFile(`${pipeline.out}/${PLAN}`, `${text}\n`);
  return { plan, local, model };
}

const filterHash = async (path: string | null): Promise<string | null> => {
  if (path === null) return null;
  if (!(await exists(path))) throw inputNotFound(path, 'filter');
  return sha256OfFile(path);
};

/** The plan in a corpus folder, if there is one; CORPUS_CORRUPT if its id is not that of its content. */
export async function readPlan(dir: string): Promise<Plan | undefined> {
  const path = `${dir}/${PLAN}`;
  if (!(await exists(path))) return undefined;
  const plan = await readChecked<Plan>('plan', path);
  const { id, splits: _, ...identity } = plan;
  if (id !== fingerprint(identity as unknown as Json)) throw corpusCorrupt(path, '/id', 'is not that of its content');
  return plan;
}

/** The plan's inputs where they lie on this machine. */
export const inputFiles = (plan: Plan, root: string): InputFile[] =>
  plan.inputs.map(({ path, ...input }) => ({ ...input, name: path, path: `${root}/${path}` }));

/**
 * Consecutive parts, until a split has about `splitBytes`: small files share one, a large file was cut before. Two parts of
 * one file never share a split, so (split, input) names a part.
 */
export function groupParts(parts: readonly Part[], splitBytes: number): Split[] {
  const splits: { parts: Part[]; bytes: number }[] = [];
  let open: { parts: Part[]; bytes: number } | undefined;
  for (const part of parts) {
    if (!open || open.bytes + part.bytes > splitBytes * 1.25 || open.parts.at(-1)?.input === part.input) {
      open = { parts: [], bytes: 0 };
      splits.push(open);
    }
    open.parts.push(part);
    open.bytes += part.bytes;
  }
  return splits;
}

/** Names the first field in which a folder's plan differs from what is asked for. */
function differing(dir: string, wanted: Identity, existing: Identity) {
  const text = (value: unknown) => canonicalJson((value ?? null) as Json);
  const mismatch = (field: string, a: unknown, b: unknown) =>
    fingerprintMismatch(`${dir}/${PLAN}`, field, text(a).slice(0, 80), text(b).slice(0, 80));
  for (const field of ['format', 'version'] as const)
    if (wanted[field] !== existing[field]) return mismatch(field, wanted[field], existing[field]);
  for (const group of ['config', 'tokenizer'] as const) {
    const [a, b] = [wanted[group] as Record<string, unknown>, existing[group] as Record<string, unknown>];
    for (const key of Object.keys({ ...a, ...b }).sort())
      if (text(a[key]) !== text(b[key])) return mismatch(group === 'config' ? key : `tokenizer.${key}`, a[key], b[key]);
  }
  for (let i = 0; i < Math.max(wanted.inputs.length, existing.inputs.length); i++)
    if (text(wanted.inputs[i]) !== text(existing.inputs[i]))
      return mismatch(`inputs[${i}]`, wanted.inputs[i], existing.inputs[i]);
  return mismatch('id', 'another', existing);
}

/**
 * Names of the inputs that are not what they were when the plan was looked at (gone, another size or modification time).
 * Asked again after packing, before anything is built on it: what changes while it is read is a mix that no hash gives away.
 */
export async function changedInputs(plan: Plan, local: Local): Promise<string[]> {
  const differing: string[] = [];
  for (const [i, { path, size }] of inputFiles(plan, local.root).entries()) {
    const found = await stat(path);
    if (found?.size !== size || Math.trunc(found.modified) !== local.modified[i]) differing.push(plan.inputs[i]!.path);
  }
  return differing;
}
