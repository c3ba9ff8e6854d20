import type { Policy } from '../mask/index.ts';
import { POLICIES } from '../mask/index.ts';
import { configInvalid } from '../core/errors.ts';
import type { LongDocuments, Method, PackOptions } from '../pack/index.ts';
import type { ReadOptions } from '../read/index.ts';
import type { Provenance, ShardOptions } from '../shard/index.ts';
import type { EncodeOptions, SpecialMode } from '../tokenize/index.ts';
import type { Plan } from './plan.ts';

/** A plan's configuration, as each stage wants it. */
export interface Settings {
  readonly read: ReadOptions;
  readonly encode: EncodeOptions;
  readonly pack: PackOptions;
  readonly policy: Policy;
  /** All source names, sorted: the dictionary of the tables. */
  readonly sources: readonly string[];
  readonly provenance: Provenance;
  shard(dir: string): Omit<ShardOptions, 'split'>;
}

/** The part of a pipeline that a plan carries (config/pipeline.ts, planConfig). */
interface PlanConfig {
  name: string;
  text_field: string;
  special_text: SpecialMode;
  template: boolean;
  id_field: string | null;
  window: number;
  packing: { method: Method; long_documents: LongDocuments; min_segment: number };
  policy: Policy;
  validation: number;
  seed: number;
  document_bytes: number;
}

export const configOf = (plan: Plan): PlanConfig => plan.config as unknown as PlanConfig;

export function settingsOf(plan: Plan): Settings {
  const config = configOf(plan);
  const { specialIds } = plan.tokenizer;
  const separator = POLICIES[config.policy].separator ? specialIds.eos : null;
  if (POLICIES[config.policy].separator && separator === null)
    throw configInvalid(
      'pipeline',
      { line: 0, column: 0, field: 'policy' },
      `is ${config.policy}, but the tokenizer has no end-of-document token`,
      'name one in special_tokens.eos',
    );
  const sources = [...new Set(plan.inputs.map(({ source }) => source))].sort();
  const provenance = { plan: plan.id, policy: config.policy, tokenizer: plan.tokenizer };
  return {
    read: { textField: config.text_field, idField: config.id_field, documentBytes: config.document_bytes },
    encode: { specialTokens: config.special_text, template: config.template },
    pack: {
      windowLength: config.window,
      method: config.packing.method,
      longDocuments: config.packing.long_documents,
      minSegment: config.packing.min_segment,
      separator,
      pad: specialIds.pad,
      validation: config.validation,
      seed: config.seed,
    },
    policy: config.policy,
    sources,
    provenance,
    shard: (dir) => ({ dir, windowLength: config.window, sources, from: provenance }),
  };
}
