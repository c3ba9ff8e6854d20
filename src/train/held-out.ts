import { lossExploded, lossNotFinite, type PrepError } from '../core/errors.ts';
import { type Evaluation, evaluate } from './evaluate.ts';
import { worstOf } from './guard.ts';
import type { LoopState } from './loop.ts';
import type { Parameters } from './model/parameters.ts';
import type { Run } from './run.ts';
import { trainingWindows } from './windows.ts';

/** Noise levels each held-out window is seen at. */
const LEVELS = { onTheWay: 1, final: 4 };

/**
 * Held-out loss of the weights, and of their average where there is one. null: there are no held-out windows, or the signal
 * came. LOSS_NOT_FINITE where it is not: before the weights take the place of better ones.
 */
export async function heldOutLoss(
  { corpus, validation, signal, progress, saver }: Run,
  { parameters, config, optimizer }: LoopState,
  final: boolean,
): Promise<(Evaluation & { readonly averageLoss?: number }) | null> {
  if (validation.length === 0) return null;
  const times = final ? LEVELS.final : LEVELS.onTheWay;
  const look = (weights: Parameters) => evaluate(corpus, weights, config, { windows: validation, times, signal });
  const found = await look(parameters);
  const ofAverage = found && optimizer.average.size > 0 ? await look(optimizer.average) : null;
  if (!found || signal.aborted) return null;
  check('held-out loss', found.loss, progress.step, saver.saved);
  return { ...found, ...(ofAverage && { averageLoss: ofAverage.loss }) };
}

/**
 * What is wrong with weights that are to take the place of those saved before, by a held-out loss (null: by the loss of one
 * window); null where they do no worse than `guard.ts` lets pass. LOSS_NOT_FINITE is thrown where no loss comes out of them.
 */
export async function faultOf(
  { corpus, settings, validation, progress, saver }: Run,
  { parameters, config }: LoopState,
  heldOut: Evaluation | null,
): Promise<PrepError | null> {
  const windows = (validation.length ? validation : trainingWindows(corpus)).subarray(0, 1);
  const found = heldOut ?? (await evaluate(corpus, parameters, config, { windows, times: 1 }));
  if (!found) return null;
  check('loss of the updated weights', found.loss, progress.step, saver.saved);
  const [value, limit] = [found.crossEntropy ?? 0, worstOf(config.vocabSize)];
  if (settings.maxSpike === 0 || value <= limit) return null;
  const what = 'cross-entropy of the updated weights';
  return lossExploded({ step: progress.step, windows: NONE, what, value, limit, saved: saver.saved });
}

/** It is the weights, not a batch. */
const NONE = new Int32Array(0);

function check(what: string, value: number, step: number, saved: boolean): void {
  if (!Number.isFinite(value)) throw lossNotFinite({ step, windows: NONE, what, value, saved });
}
