import { dirname, relative, resolve, sep } from 'node:path';
import type { Pipeline } from '../config/index.ts';
import { inputNotFound } from '../core/errors.ts';
import { listInputs } from '../io/list.ts';
import { statAll } from '../io/look.ts';
import { formatOf, type InputFile } from '../read/index.ts';
import { isOurPath, planFormat } from '../shard/index.ts';
import type { Plan } from './plan.ts';

/**
 * The input files of a pipeline, each real file once: one that two names lead to belongs to the first, since every document is
 * there exactly once. What we write is no input, or `prep pack .` could not be run again: our own files in `out` (anything
 * else there is the user's) and earlier corpora in the folders that are searched.
 */
export async function findInputs(
  pipeline: Pipeline,
): Promise<{ files: InputFile[]; modified: number[]; root: string }> {
  const { base, out } = pipeline;
  const corpora = new Map<string, Promise<boolean>>();
  const isCorpus = (folder: string): Promise<boolean> => {
    const known = corpora.get(folder) ?? planFormat(folder).then((plan) => plan?.ours === true);
    corpora.set(folder, known);
    return known;
  };
  const skip = async (folder: string) => folder !== out && (await isCorpus(folder));
  const found = new Map<string, { path: string; source: string }>();
  for (const { paths, source } of pipeline.inputs) {
    const ours = [out];
    for (const named of paths.map((path) => resolve(base, path))) if (await isCorpus(named)) ours.push(named);
    for (const { path, real } of await listInputs([...paths], base, skip)) {
      // `prep pack .` finds the tokenizer and earlier output too: neither is text.
      if (path === pipeline.tokenizer || ours.some((dir) => isOurPath(below(dir, path)))) continue;
      if (!found.has(real)) found.set(real, { path, source });
    }
  }
  const inputs = [...found.values()];
  if (inputs.length === 0) throw inputNotFound(pipeline.inputs[0]?.paths[0] ?? '', base);
  const root = commonFolder(inputs.map(({ path }) => path));
  const files: InputFile[] = [];
  const modified: number[] = [];
  const looks = await statAll(inputs.map(({ path }) => path));
  for (const [i, { path, source }] of inputs.entries()) {
    const { size, modified: time } = looks[i] ?? { size: 0, modified: 0 };
    files.push({ path, name: below(root, path), size, source, ...formatOf(path)! });
    modified.push(Math.trunc(time));
  }
  return { files, modified, root };
}

const below = (folder: string, path: string): string => relative(folder, path).split(sep).join('/');

/** The deepest folder that holds all of `paths`. */
export function commonFolder(paths: readonly string[]): string {
  let common = dirname(paths[0] ?? '/').split(sep);
  for (const folder of new Set(paths.map((path) => dirname(path)))) {
    const parts = folder.split(sep);
    let same = 0;
    while (same < common.length && common[same] === parts[same]) same++;
    common = common.slice(0, same);
  }
  return common.join(sep) || sep;
}

/** One of a plan's inputs where it lies on this machine. */
export function inputFile({ inputs }: Plan, input: number, root: string): InputFile {
  const { path, ...of } = inputs[input]!;
  return { ...of, name: path, path: `${root}/${path}` };
}

/** The same of those that some parts are of, each at its number: a plan may have 100,000, a split has 1,024 at most. */
export function inputFiles(
  plan: Plan,
  parts: Iterable<{ readonly input: number }>,
  root: string,
): readonly InputFile[] {
  const files: InputFile[] = [];
  for (const { input } of parts) files[input] ??= inputFile(plan, input, root);
  return files;
}
