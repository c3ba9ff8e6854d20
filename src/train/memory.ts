import os from 'node:os';
import * as tf from '@tensorflow/tfjs-core';

import { isPrepError, messageOf, modelTooLarge, outOfMemory } from '../core/errors.ts';
import { loadParameters } from './checkpoint.ts';
import type { LoopState } from './loop.ts';
import { createOptimizer, disposeOptimizer, type Optimizer } from './optimizer.ts';
import {
  countParameters,
  disposeParameters,
  initialParameters,
  type Parameters,
  parameterSpecs,
} from './parameters.ts';
import { type ModelConfig, presetOf } from './presets.ts';

/** A wasm memory holds 4 GiB; the activations need some of it. */
const WASM_BYTES = 3.5 * 2 ** 30;
/** float32 weights, gradients and two moments. */
const BYTES_PER_PARAMETER = 4 * 4;

/** Refuses a model that cannot fit, before anything is allocated for it. */
export function checkRoom(config: ModelConfig, backend = tf.getBackend(), memory = os.totalmem()): void {
  const { total } = countParameters(config);
  const bytes = BYTES_PER_PARAMETER * total;
  const limit = backend === 'wasm' ? WASM_BYTES : memory;
  const name = presetOf(config);
  const model = `${name ? `the preset ${name}` : 'the model'} (${total.toLocaleString('en-US')} parameters)`;
  if (bytes > limit) throw modelTooLarge(model, bytes, limit, backend);
}

const WORDS =
  /memory access out of bounds|\babort(ed)?\(|out of memory|array buffer allocation|invalid (typed )?array (buffer )?length|OOM when|enlarge memory|cannot allocate/i;

/** What a backend throws where memory ends, as a coded error; anything else as it is. */
export const codedMemoryError = (error: unknown): unknown =>
  !isPrepError(error) && WORDS.test(messageOf(error)) ? outOfMemory(tf.getBackend(), error) : error;

/** A model, new or of the checkpoint in `from`, and its optimizer, for as long as `use` takes. */
export async function withModel<T>(
  config: ModelConfig,
  { seed, from }: { readonly seed: number; readonly from: string | null },
  use: (state: LoopState) => Promise<T>,
): Promise<T> {
  let parameters: Parameters | null = null;
  let optimizer: Optimizer | null = null;
  const free = (): void => {
    if (parameters) disposeParameters(parameters);
    if (optimizer) disposeOptimizer(optimizer);
  };
  let result: T;
  try {
    parameters = from === null ? initialParameters(config, seed) : await loadParameters(from, config);
    optimizer = createOptimizer(parameterSpecs(config));
    result = await use({ parameters, optimizer, config });
  } catch (error) {
    try {
      free();
    } catch {
      // The backend is dead; what killed it is the error to show.
    }
    throw codedMemoryError(error);
  }
  free();
  return result;
}
