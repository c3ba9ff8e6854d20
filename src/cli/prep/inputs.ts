import { join } from 'node:path';
import { loadPipeline, nearest, type Pipeline, pipelineFrom, sourceName } from '../../config/index.ts';
import { configNotFound, type PrepError, usageError } from '../../core/errors.ts';
import { exists } from '../../io/files.ts';
import { withoutEnding } from '../../io/formats.ts';
import { QUICKSTART } from '../../run/index.ts';
import { overridesOf, type PlanFlags } from './flags.ts';

/** The pipeline of a file (default: the bundled sample); `commands` are those that a mistyped one may have meant. */
export async function pipelineOf(
  file: string | undefined,
  flags: PlanFlags & { input?: string[] },
  commands: readonly string[],
): Promise<Pipeline> {
  const overrides = overridesOf(flags);
  if (flags.input) overrides.inputs = flags.input.map((path) => ({ paths: [path] }));
  if (file !== undefined && !(await exists(file))) throw configNotFound(file, nearest(file, commands));
  return loadPipeline(file ?? QUICKSTART, overrides);
}

/** Of more than one argument where a pipeline file is wanted, the first is most often a command, mistyped. */
export function tooManyFiles([first = '', ...others]: readonly string[], commands: readonly string[]): PrepError {
  const meant = nearest(first, commands);
  if (meant !== undefined) return usageError(`there is no command ${first}; did you mean \`prep ${meant}\`?`);
  return usageError(
    `${first} and ${others.length} more where one pipeline file is wanted; \`prep pack FILES...\` takes files of text`,
  );
}

/** A pipeline over files, without a file of its own; `command` is who asks. */
export function filesPipeline(inputs: readonly string[], flags: PlanFlags, command: string): Promise<Pipeline> {
  if (flags.tokenizer === undefined)
    throw usageError(`prep ${command} needs --tokenizer <file>: the tokenizer.json of your model`);
  // Not called after --out: the name is part of the plan, and the same inputs are to give the same bytes anywhere.
  const settings = { name: flags.name ?? 'corpus', inputs: inputs.map((path) => ({ paths: [path] })) };
  const folder = withoutEnding(sourceName(inputs[0]!)).replaceAll(/[^A-Za-z0-9._-]+/g, '-');
  const out = join('out', folder || 'corpus');
  return pipelineFrom({ ...settings, out, ...overridesOf(flags) });
}
