import type { Mixture } from '../config/index.ts';
import { configInvalid } from '../core/errors.ts';
import { oncePer } from '../core/once.ts';
import { maskMetadata, POLICIES, type Policies, type Policy, POLICY_NAMES } from '../mask/index.ts';
import type { LongShare } from '../mix/index.ts';
import type { LongDocuments, Method, PackOptions } from '../pack/index.ts';
import type { ReadOptions, RecordForm } from '../read/index.ts';
import type { Provenance, ShardOptions } from '../shard/index.ts';
import type { EncodeOptions, SpecialMode } from '../tokenize/index.ts';
import { separatorText } from './mask-rules.ts';
import type { Plan } from './plan.ts';

/** A plan's configuration, as each stage wants it. */
export interface Settings {
  readonly read: ReadOptions;
  readonly encode: EncodeOptions;
  readonly pack: PackOptions;
  /** Whether the documents of a split are packed in a seeded order. */
  readonly shuffle: boolean;
  readonly policies: Policies;
  readonly mixture: PlanMixture;
  /** All source names, sorted: the dictionary of the tables. */
  readonly sources: readonly string[];
  readonly provenance: Provenance;
  shard(dir: string): Omit<ShardOptions, 'split'>;
}

/** The mixture, and the hash of the user's filter. */
export type PlanMixture = Mixture & { readonly filter: string | null; readonly longShare: LongShare | null };

/** The part of a pipeline that a plan carries (config/pipeline.ts, planConfig). */
export interface PlanConfig {
  name: string;
  text_field: string;
  special_text: SpecialMode;
  template: boolean;
  id_field: string | null;
  form: RecordForm | null;
  window: number;
  packing: {
    method: Method;
    long_documents: LongDocuments;
    min_segment: number;
    long_share: number | null;
    shuffle: boolean;
  };
  policy: Policy;
  group_field: string | null;
  diffusion_block: number;
  min_tokens: number;
  max_tokens: number | null;
  duplicates: Mixture['duplicates'];
  filter: string | null;
  sources: Mixture['bySource'];
  validation: number;
  seed: number;
  split_bytes: number;
  document_bytes: number;
}

/** A JavaScript string ends at 512 MiB. */
const FILTERED_BYTES = 512 * 1024 * 1024;

export const configOf = (plan: Plan): PlanConfig => plan.config as unknown as PlanConfig;

function mixtureOf(config: PlanConfig): PlanMixture {
  const { policy, min_tokens: minTokens, max_tokens: maxTokens, sources, duplicates, filter } = config;
  const { long_share: share } = config.packing;
  const longest = (of: Policy) => config.window - (POLICIES[of].separator ? 1 : 0);
  const own = Object.entries(policiesOf(config).bySource).map(([source, of]) => [source, longest(of)] as const);
  const longShare = share === null ? null : { share, longest: longest(policy), longestOf: Object.fromEntries(own) };
  const all = { epochs: 1, tokens: null, minTokens, maxTokens, policy };
  return { all, bySource: sources, duplicates, filter, longShare };
}

/** The corpus's policy, and those of the sources that have another. */
export const policiesOf = ({
  policy,
  sources,
  diffusion_block: diffusionBlock,
}: Pick<PlanConfig, 'policy' | 'sources' | 'diffusion_block'>): Policies => ({
  policy,
  diffusionBlock,
  bySource: Object.fromEntries(
    Object.entries(sources).flatMap(([source, own]) => (own.policy === policy ? [] : [[source, own.policy]])),
  ),
});

/** Asked for with each split, and made once: it lists the sources, which may be as many as the inputs. */
export const settingsOf = oncePer((plan: Plan): Settings => {
  const config = configOf(plan);
  const { specialIds } = plan.tokenizer;
  const separatorOf = (policy: Policy, field: string): number | null => {
    if (!POLICIES[policy].separator) return null;
    if (specialIds.eos === null)
      throw configInvalid(
        'pipeline',
        { line: 0, column: 0, field },
        `is ${policy}, but the tokenizer has no end-of-document token`,
        'name one in special_tokens.eos',
      );
    return specialIds.eos;
  };
  const separator = separatorOf(config.policy, 'policy');
  const policies = policiesOf(config);
  const mixture = mixtureOf(config);
  const sources = [...new Set(plan.inputs.map(({ source }) => source))].sort();
  const provenance = { plan: plan.id, policy: config.policy, tokenizer: plan.tokenizer };
  return {
    read: {
      textField: config.text_field,
      idField: config.id_field,
      groupField: config.group_field,
      documentBytes: config.document_bytes,
      // A filter is given the text.
      ...(config.filter !== null && {
        documentBytes: Math.min(config.document_bytes, FILTERED_BYTES),
        longBytes: FILTERED_BYTES,
      }),
      ...(config.form && { form: config.form }),
    },
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
      sources: Object.fromEntries(
        Object.entries(policies.bySource).map(([source, policy]) => [
          source,
          { separator: separatorOf(policy, `inputs: policy of ${source}`), rank: 1 + POLICY_NAMES.indexOf(policy) },
        ]),
      ),
    },
    shuffle: config.packing.shuffle,
    policies,
    mixture,
    sources,
    provenance,
    shard: (dir) => ({
      dir,
      windowLength: config.window,
      sources,
      from: provenance,
      maskInfo: maskMetadata(config.policy, separatorText(policies, specialIds.eos), config.diffusion_block),
    }),
  };
});
