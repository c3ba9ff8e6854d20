import type { Json } from '../core/fingerprint.ts';
import type { NoiseRecord } from '../core/noise.ts';
import type { NoiseSettings } from './noise.ts';

/** A pipeline file, validated, with its defaults filled in and its quantities as numbers. */
export interface Pipeline {
  readonly name: string;
  readonly inputs: readonly { readonly source: string; readonly paths: readonly string[] }[];
  readonly mixture: Mixture;
  /** Absolute path of the user's filter module. */
  readonly filter: string | null;
  readonly textField: string;
  readonly idField: string | null;
  readonly records: Records;
  readonly tokenizer: string;
  readonly specialText: 'text' | 'parse' | 'reject';
  readonly template: boolean;
  readonly specialTokens: Readonly<Partial<Record<'mask' | 'bos' | 'eos' | 'pad', string | number>>>;
  readonly window: number;
  readonly packing: Packing;
  readonly policy: Policy;
  /** Field with what a document belongs to; null: to itself. */
  readonly groupField: string | null;
  /** Tokens in a diffusion block, under `block-diffusion`. */
  readonly diffusionBlock: number;
  readonly validation: number;
  readonly seed: number;
  /** null: by the size of the inputs. */
  readonly splitBytes: number | null;
  readonly noise: NoiseSettings;
  readonly documentBytes: number;
  readonly rejectShare: number;
  readonly out: string;
  /** Folder that input and tokenizer paths are relative to. */
  readonly base: string;
}

/** What a record is, and the fields of one that is more than a text. */
export interface Records {
  readonly format: 'text' | 'prompt-response' | 'messages';
  readonly prompt: string;
  readonly response: string;
  readonly messages: string;
  /** The template itself or the absolute path of a file with it; null: beside the tokenizer. */
  readonly chatTemplate: string | null;
}

/** How documents become windows. */
export interface Packing {
  readonly method: 'best-fit' | 'balanced-fit' | 'first-fit' | 'first-fit-decreasing' | 'concat';
  readonly longDocuments: 'split' | 'truncate' | 'drop';
  /** Tokens; 0: no limit. */
  readonly minSegment: number;
  /** Share of tokens that is to be of documents longer than a window; null: whatever it is. */
  readonly longShare: number | null;
  /** Whether the documents of a split are packed in a seeded order. */
  readonly shuffle: boolean;
}

/** What of a source is there, and how often; every member has its default where nothing was said. */
export interface SourceRules {
  /** How often each document is there; 0.3: three of ten, drawn by content. */
  readonly epochs: number;
  /** Tokens of the source at most, copies counted: the first in plan order. */
  readonly tokens: number | null;
  /** Documents with fewer or more tokens are dropped. */
  readonly minTokens: number;
  readonly maxTokens: number | null;
  readonly policy: Policy;
}

export interface Mixture {
  /** Rules of all sources, and by name of those that have their own. */
  readonly all: SourceRules;
  readonly bySource: Readonly<Record<string, SourceRules>>;
  /** What becomes of a document whose text an earlier one has. */
  readonly duplicates: 'keep' | 'drop';
}

type Policy = 'adaptive' | 'eod' | 'direct' | 'hybrid' | 'document-causal' | 'block-diffusion';

/** As people write it, other tools' names included: packing.ts says what they mean. */
export interface RawPacking {
  method: string;
  long_documents?: string;
  min_segment: number | string;
  long_share: number | null;
  shuffle: boolean;
}

/** An entry of `inputs`. */
export interface RawInput {
  source?: string;
  paths: string[];
  epochs?: number;
  weight?: number;
  tokens?: number | string;
  min_tokens?: number | string;
  max_tokens?: number | string;
  policy?: Policy;
}

/** The shape the schema promises, before names and units are ours. */
export interface RawPipeline {
  name: string;
  inputs: RawInput[];
  min_tokens: number | string;
  max_tokens: number | string | null;
  duplicates: Mixture['duplicates'];
  filter: string | null;
  text_field: string;
  id_field: string | null;
  format: Records['format'];
  prompt_field: string;
  response_field: string;
  messages_field: string;
  chat_template: string | null;
  tokenizer: string;
  special_tokens: Pipeline['specialTokens'];
  special_text: Pipeline['specialText'];
  template: boolean;
  window: number | string;
  packing: RawPacking;
  policy: Pipeline['policy'];
  group_field: string | null;
  diffusion_block: number;
  validation: number;
  seed: number;
  split_bytes: number | string;
  noise: NoiseRecord;
  limits: { document_bytes: number | string; reject_share: number };
  out?: string;
}

/**
 * What of a pipeline decides the corpus: the part of the plan's id that is not inputs and tokenizer. Left out: `out` and
 * `limits.reject_share` (neither changes a byte), `noise` (passes are written after the corpus and carry their own
 * settings), paths (the plan lists the files themselves). `filterHash` is the SHA-256 of the filter module, `form`
 * what a record is, with its chat template (run/form.ts).
 */
export const planConfig = (pipeline: Pipeline, splitBytes: number, filterHash: string | null, form: Json): Json => ({
  name: pipeline.name,
  text_field: pipeline.textField,
  id_field: pipeline.idField,
  form,
  special_tokens: { ...pipeline.specialTokens },
  special_text: pipeline.specialText,
  template: pipeline.template,
  window: pipeline.window,
  packing: {
    method: pipeline.packing.method,
    long_documents: pipeline.packing.longDocuments,
    min_segment: pipeline.packing.minSegment,
    long_share: pipeline.packing.longShare,
    shuffle: pipeline.packing.shuffle,
  },
  policy: pipeline.policy,
  group_field: pipeline.groupField,
  diffusion_block: pipeline.diffusionBlock,
  min_tokens: pipeline.mixture.all.minTokens,
  max_tokens: pipeline.mixture.all.maxTokens,
  duplicates: pipeline.mixture.duplicates,
  filter: filterHash,
  sources: Object.fromEntries(Object.entries(pipeline.mixture.bySource).map(([name, own]) => [name, { ...own }])),
  validation: pipeline.validation,
  seed: pipeline.seed,
  split_bytes: splitBytes,
  document_bytes: pipeline.documentBytes,
});
