import { mapFlow } from '../core/batch.ts';
import { fingerprint } from '../core/fingerprint.ts';
import type { Stage } from '../core/stage.ts';
import type { MaskedWindow, Window } from '../core/window.ts';
import { blockMask } from './block-mask.ts';
import type { Policy } from './policy.ts';

export { blockMask } from './block-mask.ts';
export { denseMask } from './dense.ts';
export { POLICIES, POLICY_NAMES, type Policy } from './policy.ts';

/** windows -> windows with their attention mask. */
export function maskStage(policy: Policy, windowLength: number): Stage<Window, MaskedWindow> {
  return {
    name: 'mask',
    fingerprint: fingerprint({ stage: 'mask', policy, windowLength }),
    run: (input) =>
      mapFlow(input, (window) => ({
        window,
        mask: blockMask(window.segments, window.numTokens, windowLength, policy),
      })),
  };
}
