import { ownOf } from '../core/own.ts';
import { POLICIES } from '../mask/index.ts';
import type { Manifest } from '../shard/index.ts';
import { type PlanConfig, policiesOf } from './settings.ts';

/** What the settings of a corpus say about the tokens that its documents may lack. */
export interface LossRules {
  readonly windowLength: number;
  readonly method: string;
  readonly longDocuments: string;
  readonly minSegment: number;
  /** 1 where a separator follows each document of a source, else 0. */
  separatorOf(source: string): number;
}

export function lossRules({ windowLength, config }: Pick<Manifest, 'windowLength' | 'config'>): LossRules {
  const { packing, ...rest } = config as unknown as PlanConfig;
  const { policy, bySource } = policiesOf(rest);
  return {
    windowLength,
    method: packing.method,
    longDocuments: packing.long_documents,
    minSegment: packing.min_segment,
    separatorOf: (source) => (POLICIES[ownOf(bySource, source) ?? policy].separator ? 1 : 0),
  };
}

/** Tokens at the end of a document of `tokens` tokens that are cut off. */
export function truncated(
  tokens: number,
  source: string,
  { windowLength, longDocuments, separatorOf }: LossRules,
): number {
  return longDocuments === 'truncate' ? Math.max(0, tokens + separatorOf(source) - windowLength) : 0;
}

/** [least, most] tokens that a document of `tokens` tokens lacks in the windows: from the settings alone, not from the packer. */
export function allowedLoss(tokens: number, source: string, rules: LossRules): readonly [number, number] {
  const { windowLength, method, longDocuments, minSegment } = rules;
  const total = tokens + rules.separatorOf(source);
  const long = total > windowLength;
  if (tokens === 0 || total < minSegment || (long && longDocuments === 'drop')) return [tokens, tokens];
  const least = truncated(tokens, source, rules);
  // A remainder that would have been too short a segment.
  const cut = method === 'concat' || (long && longDocuments !== 'truncate');
  return [least, cut ? least + Math.max(0, minSegment - 1) : least];
}

/** Whether a document of `tokens` tokens may be in several parts. */
export const mayBeCut = (tokens: number, source: string, { windowLength, method, separatorOf }: LossRules): boolean =>
  method === 'concat' || tokens + separatorOf(source) > windowLength;
