/** The oracle of test/mask on more windows: 20,000 of each policy (5000 of block diffusion), other seeds than in `npm test`. */
import fc from 'fast-check';
import { test } from 'vitest';
import { POLICY_NAMES } from '../../src/mask/index.ts';
import { checkWindow, generatedWindow } from '../mask/check-window.ts';

test.each(POLICY_NAMES)(
  '%s',
  (policy) => {
    const numRuns = policy === 'block-diffusion' ? 5000 : 20_000;
    fc.assert(
      fc.property(generatedWindow(policy), (window) => checkWindow(window)),
      { numRuns, seed: 9 },
    );
  },
  1_200_000,
);
