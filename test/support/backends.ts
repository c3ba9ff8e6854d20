import { isInstalled } from '../../src/train/backend/native.ts';

/** Backends to test on: the native one where `train setup` has put it, as CI does. */
export const TESTED = ['cpu', 'wasm', ...(isInstalled('tfjs-node') ? (['tfjs-node'] as const) : [])] as const;
if (TESTED.length === 2) console.warn('tfjs-node is not installed (train setup): it is not tested');
