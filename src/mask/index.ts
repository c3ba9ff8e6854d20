import { mapFlow } from '../core/batch.ts';
import { fingerprint } from '../core/fingerprint.ts';
import type { Stage } from '../core/stage.ts';
import { ownOf } from '../core/own.ts';
import type { MaskedWindow, Segment, Window } from '../core/window.ts';
import { blockMask } from './block-mask.ts';
import type { Policy } from './policy.ts';

export { ANNEAL_FROM, ANNEAL_TO, type Annealing, hasGoneOver } from './anneal.ts';
export { blockMask, pairsOf } from './block-mask.ts';
export { denseMask } from './dense.ts';
export {
  type BlockLists,
  documentIds,
  type FlexBlocks,
  flexBlocks,
  positionIds,
  type Varlen,
  varlen,
} from './expand.ts';
export { groupOffsets } from './groups.ts';
export { maskMetadata } from './metadata.ts';
export { DIFFUSION_BLOCK, POLICIES, POLICY_NAMES, type Policy } from './policy.ts';

/** The policy of the corpus, and of the sources that have one of their own. */
export interface Policies {
  readonly policy: Policy;
  readonly bySource: Readonly<Record<string, Policy>>;
  /** Tokens in a diffusion block, under `block-diffusion`. */
  readonly diffusionBlock: number;
}

/** Of a window: that of its sources, since sources of two policies share none. */
export const policyOf = ({ policy, bySource }: Policies, segments: readonly Segment[]): Policy =>
  ownOf(bySource, segments[0]?.source ?? '') ?? policy;

/** windows -> windows with their attention mask. */
export function maskStage(policies: Policies, windowLength: number): Stage<Window, MaskedWindow> {
  const { policy, bySource, diffusionBlock } = policies;
  return {
    name: 'mask',
    fingerprint: fingerprint({ stage: 'mask', policy, bySource, diffusionBlock, windowLength }),
    run: (input) =>
      mapFlow(input, (window) => ({
        window,
        mask: blockMask(
          window.segments,
          window.numTokens,
          windowLength,
          policyOf(policies, window.segments),
          diffusionBlock,
        ),
      })),
  };
}
