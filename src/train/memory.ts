import * as tf from '@tensorflow/tfjs-core';

import { isPrepError, messageOf, outOfMemory } from '../core/errors.ts';
import { loadParameters } from './checkpoint/checkpoint.ts';
import type { LoopState } from './loop.ts';
import { ADAMW, type AdamWSettings, createOptimizer, disposeOptimizer } from './optimizer.ts';
import { disposeParameters, initialParameters, type Parameters, parameterSpecs } from './model/parameters.ts';
import type { ModelConfig } from './model/presets.ts';

const WORDS =
  /memory access out of bounds|\babort(ed)?\(|out of memory|array buffer allocation|invalid (typed )?array (buffer )?length|OOM when|enlarge memory|cannot allocate/i;

/** What a backend throws where memory ends, as a coded error; anything else as it is. */
export const codedMemoryError = (error: unknown): unknown =>
  !isPrepError(error) && WORDS.test(messageOf(error)) ? outOfMemory(tf.getBackend(), error) : error;

/** A model and its optimizer, new or with the weights of the checkpoint in `from`. */
export async function startModel(
  config: ModelConfig,
  seed: number,
  from: string | null,
  settings: AdamWSettings = ADAMW,
): Promise<LoopState> {
  const parameters = from === null ? initialParameters(config, seed) : await loadParameters(from, config);
  return { parameters, optimizer: createOptimizer(parameterSpecs(config), settings), config };
}

/** The model in a checkpoint folder, for as long as `use` takes: without an optimizer. */
export async function withCheckpoint<T>(
  dir: string,
  config: ModelConfig,
  use: (model: { parameters: Parameters; config: ModelConfig }) => Promise<T>,
): Promise<T> {
  try {
    const parameters = await loadParameters(dir, config);
    const result = await use({ parameters, config });
    disposeParameters(parameters);
    return result;
  } catch (error) {
    throw codedMemoryError(error);
  }
}

/** What `make` makes, for as long as `use` takes. */
export async function withModel<T>(make: () => Promise<LoopState>, use: (state: LoopState) => Promise<T>): Promise<T> {
  let state: LoopState | null = null;
  const free = (): void => {
    if (!state) return;
    disposeParameters(state.parameters);
    disposeOptimizer(state.optimizer);
  };
  let result: T;
  try {
    state = await make();
    result = await use(state);
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
