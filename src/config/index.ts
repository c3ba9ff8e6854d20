import { dirname, join, resolve } from 'node:path';
import { configNotFound } from '../core/errors.ts';
import type { NoiseRecord } from '../core/noise.ts';
import { exists, readAll } from '../io/files.ts';
import { mixtureOf } from './mixture.ts';
import { type NoiseSettings, resolveNoise } from './noise.ts';
import type { Pipeline, RawPipeline } from './pipeline.ts';
import { resolvePacking } from './packing.ts';
import { checkPolicy } from './policy.ts';
import { quantity } from './quantity.ts';
import { checkConfig, parseConfig } from './validate.ts';

export { type NoiseSettings, rawNoise, resolveNoise } from './noise.ts';
export { type Mixture, type Pipeline, planConfig, type SourceRules } from './pipeline.ts';
export { LONG_DOCUMENT_NAMES, METHOD_NAMES } from './packing.ts';
export { quantity } from './quantity.ts';
export { nearest } from './validate.ts';

/** Top-level members of a pipeline given on the command line. */
export type Overrides = Partial<Omit<RawPipeline, 'packing' | 'noise' | 'limits'>> & {
  packing?: Partial<RawPipeline['packing']>;
  noise?: NoiseRecord;
  limits?: Partial<RawPipeline['limits']>;
};

/** A pipeline of 100,000 paths is 10 MiB. */
const MAX_CONFIG_BYTES = 64 * 1024 * 1024;
const readText = async (path: string) => new TextDecoder().decode(await readAll(path, MAX_CONFIG_BYTES));

/** Reads a pipeline file. Paths in `overrides` are absolute or relative to the working directory. */
export async function loadPipeline(file: string, overrides: Overrides): Promise<Pipeline> {
  if (!(await exists(file))) throw configNotFound(file);
  const raw = parseConfig(await readText(file), file, absolute(overrides)) as RawPipeline;
  return resolvePipeline(raw, dirname(resolve(file)), file);
}

/** A pipeline from the command line alone. */
export async function pipelineFrom(settings: Overrides): Promise<Pipeline> {
  const raw = absolute(settings) as RawPipeline;
  checkConfig(raw, 'command line');
  return resolvePipeline(raw, process.cwd(), 'command line');
}

/** Settings of noise from the command line: each in range, and all of them together. */
export function noiseFrom(settings: NoiseRecord): NoiseSettings {
  const raw = { ...settings };
  checkConfig(raw, 'command line', 'noise');
  return resolveNoise(raw, 'command line');
}

/** A source is called after its file or folder; a pattern after the folder it looks in. */
export function sourceName(path: string): string {
  const parts = resolve(path).split(/[/\\]/);
  const pattern = parts.findIndex((part) => /[*?[\]{}()!]/.test(part));
  return (pattern < 0 ? parts : parts.slice(0, pattern)).at(-1) || 'corpus';
}

/** A template, and no path. */
export const isTemplate = (text: string): boolean => /\{[{%#]/.test(text);

function absolute(overrides: Overrides): Overrides {
  const { inputs, tokenizer, filter, chat_template: chat } = overrides;
  return {
    ...overrides,
    ...(inputs && { inputs: inputs.map((input) => ({ ...input, paths: input.paths.map((path) => resolve(path)) })) }),
    ...(tokenizer !== undefined && { tokenizer: resolve(tokenizer) }),
    ...(typeof chat === 'string' && !isTemplate(chat) && { chat_template: resolve(chat) }),
    ...(typeof filter === 'string' && { filter: resolve(filter) }),
  };
}

function resolvePipeline(raw: RawPipeline, base: string, file: string): Pipeline {
  const inputs = raw.inputs.map(({ source, paths }) => ({ source: source ?? sourceName(paths[0] ?? ''), paths }));
  const mixture = mixtureOf(raw, inputs, file);
  checkPolicy(mixture, { groupField: raw.group_field, window: quantity(raw.window) }, file);
  return {
    name: raw.name,
    inputs,
    mixture,
    filter: raw.filter === null ? null : resolve(base, raw.filter),
    textField: raw.text_field,
    idField: raw.id_field,
    records: {
      format: raw.format,
      prompt: raw.prompt_field,
      response: raw.response_field,
      messages: raw.messages_field,
      chatTemplate:
        raw.chat_template === null || isTemplate(raw.chat_template)
          ? raw.chat_template
          : resolve(base, raw.chat_template),
    },
    tokenizer: resolve(base, raw.tokenizer),
    specialTokens: raw.special_tokens,
    specialText: raw.special_text,
    template: raw.template,
    window: quantity(raw.window),
    packing: resolvePacking(raw.packing, quantity(raw.window), file),
    policy: raw.policy,
    groupField: raw.group_field,
    diffusionBlock: raw.diffusion_block,
    validation: raw.validation,
    seed: raw.seed,
    splitBytes: raw.split_bytes === 'auto' ? null : quantity(raw.split_bytes),
    noise: resolveNoise(raw.noise, file),
    documentBytes: quantity(raw.limits.document_bytes),
    rejectShare: raw.limits.reject_share,
    out: resolve(raw.out ?? join('out', raw.name)),
    base,
  };
}
