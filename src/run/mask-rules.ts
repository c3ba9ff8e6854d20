/** Which mask policies a packed corpus can have: by what its tokens are, not by what is asked. */
import { policyRefused } from '../core/errors.ts';
import { BLOCK_SIZE } from '../core/limits.ts';
import { ownOf } from '../core/own.ts';
import { POLICIES, type Policies, type Policy } from '../mask/index.ts';
import type { Manifest } from '../shard/index.ts';
import { type PlanConfig, policiesOf } from './settings.ts';

/** POLICY_REFUSED where the tokens of a corpus are not what a policy needs. */
export function checkTokens(dir: string, { windowLength, config, ledgerBySource }: Manifest, policy: Policy): void {
  const plan = config as unknown as PlanConfig;
  const { policy: common, bySource } = policiesOf(plan);
  const { separators } = POLICIES[policy];
  const refuse = (problem: string, wayOut: string) => policyRefused(dir, policy, problem, wayOut);
  for (const source of Object.keys(ledgerBySource)) {
    const own = ownOf(bySource, source) ?? common;
    if (separators === 'any' || POLICIES[own].separator === (separators === 'needed')) continue;
    const packed = `${JSON.stringify(source)} was packed ${POLICIES[own].separator ? 'with' : 'without'} one, as ${own}`;
    throw separators === 'needed'
      ? refuse(`needs an end token after each document, and ${packed}`, 'pack it again with --policy eod or hybrid')
      : refuse(`has no end token between documents, and ${packed}`, 'ask for eod, whose attention is the same');
  }
  if (policy === 'hybrid' && plan.group_field === null)
    throw refuse('attends to groups, and its documents were packed without a group_field', 'pack it again with one');
  if (policy === 'block-diffusion' && windowLength % BLOCK_SIZE !== 0)
    throw refuse(`takes windows of a multiple of ${BLOCK_SIZE} tokens, and they have ${windowLength}`, 'pack it again');
}

/** The end token after each document of a corpus, for a mask table's metadata: empty where there is none, `some` where sources differ. */
export function separatorText({ policy, bySource }: Policies, eos: number | null): string {
  const separated = new Set([policy, ...Object.values(bySource)].map((own) => POLICIES[own].separator));
  if (separated.size > 1) return 'some';
  return separated.has(true) ? String(eos) : '';
}
