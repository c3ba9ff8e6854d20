import type { Manifest } from '../shard/index.ts';
import { type Policy, POLICIES } from '../mask/index.ts';

/** What the settings of a corpus say about the tokens that its documents may lack. */
export interface LossRules {
  readonly windowLength: number;
  readonly method: string;
  readonly longDocuments: string;
  readonly minSegment: number;
  /** 1 where a separator follows each document, else 0. */
  readonly separator: number;
}

export function lossRules({
  windowLength,
  policy,
  config,
}: Pick<Manifest, 'windowLength' | 'policy' | 'config'>): LossRules {
  const { packing } = config as { packing: { method: string; long_documents: string; min_segment: number } };
  return {
    windowLength,
    method: packing.method,
    longDocuments: packing.long_documents,
    minSegment: packing.min_segment,
    separator: POLICIES[policy as Policy].separator ? 1 : 0,
  };
}

/** [least, most] tokens that a document of `tokens` tokens lacks in the windows: from the settings alone, not from the packer. */
export function allowedLoss(tokens: number, rules: LossRules): readonly [number, number] {
  const { windowLength, method, longDocuments, minSegment, separator } = rules;
  const total = tokens + separator;
  const long = total > windowLength;
  if (tokens === 0 || total < minSegment || (long && longDocuments === 'drop')) return [tokens, tokens];
  const truncated = long && longDocuments === 'truncate';
  const least = truncated ? total - windowLength : 0;
  // A remainder that would have been too short a segment.
  const cut = method === 'concat' || (long && !truncated);
  return [least, cut ? least + Math.max(0, minSegment - 1) : least];
}

/** Whether a document of `tokens` tokens may be in several parts. */
export const mayBeCut = (tokens: number, { windowLength, method, separator }: LossRules): boolean =>
  method === 'concat' || tokens + separator > windowLength;
