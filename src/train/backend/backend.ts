import { createRequire } from 'node:module';
import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';

import { backendUnavailable, messageOf, usageError } from '../../core/errors.ts';
import { runSelfCheck, type CheckFigures } from './self-check.ts';
import { patchWasmKernels } from './wasm-kernels.ts';

/** In order of preference. */
export const BACKENDS = ['tfjs-node-gpu', 'tfjs-node', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

export interface Candidate {
  readonly name: BackendName;
  readonly accepted: boolean;
  /** One line: why it was refused, or what was checked. */
  readonly reason: string;
}

export interface ChosenBackend {
  readonly name: BackendName;
  /** All that were tried, in order; the last one is the chosen one. */
  readonly candidates: readonly Candidate[];
}

/** The name TensorFlow.js knows each by. */
const ENGINE_NAME: Record<BackendName, string> = {
  'tfjs-node-gpu': 'tensorflow',
  'tfjs-node': 'tensorflow',
  wasm: 'wasm',
  cpu: 'cpu',
};

/** The first backend, by preference, that is installed and passes the self-check; or `only` that one. */
export async function chooseBackend(only: string | null = null): Promise<ChosenBackend> {
  if (only !== null && !BACKENDS.some((name) => name === only))
    throw usageError(`--backend ${only}: known are ${BACKENDS.join(', ')}`);
  const names = only === null ? BACKENDS : BACKENDS.filter((name) => name === only);
  // Without it the cpu backend greets with an advertisement for tfjs-node.
  tf.enableProdMode();
  await load('cpu');
  await activate('cpu');
  const expected = runSelfCheck();
  const candidates: Candidate[] = [];
  for (const name of names) {
    const reason = await refusal(name, expected);
    candidates.push({
      name,
      accepted: reason === null,
      reason: reason ?? 'self-check passed: loss and gradients as cpu',
    });
    if (reason === null) return { name, candidates };
  }
  throw backendUnavailable(
    only ?? 'any',
    candidates.map(({ name, reason }) => `${name}: ${reason}`),
  );
}

/** Loads and checks a backend, and leaves it active; why it will not do, or null. */
async function refusal(name: BackendName, expected: CheckFigures): Promise<string | null> {
  try {
    await load(name);
  } catch (error) {
    return isMissing(error, name) ? 'not installed' : `does not load (${firstLine(error)})`;
  }
  try {
    await activate(name);
    return difference(runSelfCheck(), expected);
  } catch (error) {
    return `fails the self-check (${firstLine(error)})`;
  }
}

async function load(name: BackendName): Promise<void> {
  switch (name) {
    case 'cpu':
      await import('@tensorflow/tfjs-backend-cpu');
      return;
    case 'wasm':
      await import('@tensorflow/tfjs-backend-wasm');
      patchWasmKernels();
      return;
    default:
      // Optional peers: not in the dependencies, so looked up when asked for. Node 23 took away a function they call.
      (util as { isNullOrUndefined?: (x: unknown) => boolean }).isNullOrUndefined ??= (x) =>
        x === null || x === undefined;
      createRequire(import.meta.url)(`@tensorflow/${name}`);
  }
}

/** `setBackend` can fail and carry on with another one: compare what is active afterwards. */
async function activate(name: BackendName): Promise<void> {
  const wanted = ENGINE_NAME[name];
  await tf.setBackend(wanted);
  await tf.ready();
  if (tf.getBackend() !== wanted) throw new Error(`asked for ${wanted}, got ${tf.getBackend()}`);
}

/** Loss and gradient norm of a tiny model must be the cpu backend's to this, relative. */
const TOLERANCE = 1e-4;

function difference(found: CheckFigures, expected: CheckFigures): string | null {
  for (const figure of ['product', 'loss', 'gradientNorm', 'attention', 'tiled'] as const) {
    const wanted = expected[figure === 'tiled' ? 'attention' : figure];
    const error = Math.abs(found[figure] - wanted) / Math.max(1e-9, Math.abs(wanted));
    if (!(error <= TOLERANCE)) return `self-check: ${figure} is ${found[figure]}, not ${wanted} as on cpu`;
  }
  return null;
}

/** The package itself is not there; one that lacks a dependency of its own is damaged, not missing. */
export const isMissing = (error: unknown, name: BackendName): boolean =>
  ['MODULE_NOT_FOUND', 'ERR_MODULE_NOT_FOUND'].includes((error as { code?: string }).code ?? '') &&
  new RegExp(`@tensorflow/${name}'`).test(firstLine(error));
const firstLine = (error: unknown): string => messageOf(error).split('\n')[0]!;
