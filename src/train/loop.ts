import * as tf from '@tensorflow/tfjs-core';

import { lossNotFinite } from '../core/errors.ts';
import { drawnPass } from '../core/noise.ts';
import { inTrainingOrder } from '../core/random.ts';
import { Masker } from '../noise/index.ts';
import type { Corpus, NoisePass } from '../shard/index.ts';
import { globalNorm } from './gradient-norm.ts';
import { lossAndGradients, type Gradients } from './model/loss.ts';
import { addGradients, learningRateAt, update, type Optimizer, type Schedule } from './optimizer.ts';
import type { Parameters } from './model/parameters.ts';
import type { ModelConfig } from './model/presets.ts';
import { inSlabs, layOut, type Slab } from './slab.ts';
import { cutTo, diffusionBlockOf, noiseOf, openPass, readWindow, trainingWindows } from './windows.ts';

export interface LoopSettings {
  /** Steps to make; null: until the time is up. */
  readonly steps: number | null;
  /** Milliseconds to train for, evaluations not counted; null: until the steps are made. */
  readonly milliseconds: number | null;
  /** Windows in an optimizer batch; null: as many as the noise was stratified over. */
  readonly batchWindows: number | null;
  /** Tokens in one forward and backward pass, at most, but at least a window: bounds memory. */
  readonly slabTokens: number;
  readonly schedule: Schedule;
  /** Ends the run, in the middle of a step too: that step is not made. */
  readonly signal: AbortSignal;
  /** Whether there is a checkpoint of this run yet. */
  readonly saved: () => boolean;
}

/** What one step did. */
export interface StepReport {
  /** From 1. */
  readonly step: number;
  readonly epoch: number;
  /** Nats a token (not only a masked one). */
  readonly loss: number;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** Trained on so far, repeats included. */
  readonly tokens: number;
  readonly milliseconds: number;
  /** All steps together. */
  readonly spent: number;
  /** How much of the run is done, 0 to 1. */
  readonly progress: number;
}

/** How far a run is. */
export interface Start {
  /** Steps made. */
  readonly step: number;
  /** Tokens trained on, repeats included. */
  readonly tokens: number;
  /** Milliseconds of training. */
  readonly spent: number;
}

export const BEGINNING: Start = { step: 0, tokens: 0, spent: 0 };

export interface LoopState {
  readonly parameters: Parameters;
  readonly optimizer: Optimizer;
  readonly config: ModelConfig;
}

/**
 * Trains: epoch e reads the training windows under noise pass e (passes come round again when there are fewer) in that pass's
 * order, `permutation(windows, manifest seed, pass)` (of a complement: pass - 1), a batch of windows a step. `afterStep` is
 * awaited; it may evaluate and save, and ends the run by returning false. Resolves to the number of steps made.
 */
export async function trainLoop(
  corpus: Corpus,
  state: LoopState,
  settings: LoopSettings,
  start: Start,
  afterStep: (report: StepReport) => Promise<boolean>,
): Promise<number> {
  let { step, tokens, spent } = start;
  for await (const { windows, noise, masker, epoch } of batches(corpus, settings.batchWindows, start.step)) {
    const started = performance.now();
    const progress = shareDone(settings, step, spent);
    if (progress >= 1) break;
    const items = await Promise.all(
      [...windows].map(async (window) => {
        const record = await readWindow(corpus, window);
        const row = noiseOf(corpus, noise, record);
        return { record: cutTo(record, row), noise: row };
      }),
    );
    const batchTokens = items.reduce((sum, { record }) => sum + record.numTokens, 0);
    const slabs = inSlabs(items, settings.slabTokens).map((some) =>
      layOut(some, state.config.maskTokenId, masker, diffusionBlockOf(corpus)),
    );
    const learningRate = learningRateAt(settings.schedule, step, progress);
    const made = await optimizerStep(slabs, batchTokens, state, learningRate, settings.signal);
    if (made === null) break;
    const { loss, gradientNorm } = made;
    if (!Number.isFinite(loss) || !Number.isFinite(gradientNorm)) throw lossNotFinite(step + 1, loss, settings.saved());
    step += 1;
    tokens += batchTokens;
    const milliseconds = performance.now() - started;
    spent += milliseconds;
    const report = { step, epoch, loss, learningRate, gradientNorm, tokens, milliseconds, spent };
    if (!(await afterStep({ ...report, progress: shareDone(settings, step, spent) }))) break;
  }
  return step;
}

/** Loss and gradients over the slabs, then one update, but not with a loss that is not finite. null: the signal came. */
async function optimizerStep(
  slabs: readonly Slab[],
  batchTokens: number,
  { parameters, optimizer, config }: LoopState,
  learningRate: number,
  signal: AbortSignal,
): Promise<{ loss: number; gradientNorm: number } | null> {
  let gradients: Gradients | null = null;
  let loss = 0;
  for (const slab of slabs.filter(({ masked }) => masked.length > 0)) {
    // Nothing above need wait for anything: only a turn of the event loop lets a signal in.
    await new Promise(setImmediate);
    if (signal.aborted) {
      tf.dispose([...(gradients?.values() ?? [])]);
      return null;
    }
    const part = lossAndGradients(slab, parameters, config, batchTokens);
    gradients = addGradients(gradients, part.gradients);
    loss += (await part.loss.data())[0]!;
    tf.dispose([part.loss, part.crossEntropies]);
  }
  if (!gradients) return { loss, gradientNorm: 0 };
  const norm = globalNorm([...gradients.values()]);
  const gradientNorm = (await norm.data())[0]!;
  const finite = Number.isFinite(loss) && Number.isFinite(gradientNorm);
  if (finite) update(optimizer, parameters, gradients, gradientNorm, learningRate);
  tf.dispose([norm, ...gradients.values()]);
  return { loss, gradientNorm };
}

/** Endless: window numbers of each optimizer batch, without the first `skip`; the last of an epoch may be short. */
export async function* batches(
  corpus: Corpus,
  batchWindows: number | null,
  skip = 0,
): AsyncGenerator<{ windows: Int32Array; noise: NoisePass; masker: Masker; epoch: number }> {
  const numbers = trainingWindows(corpus);
  let left = skip;
  for (let epoch = 0; ; epoch++) {
    const noise = await openPass(corpus, epoch % corpus.passes);
    const masker = new Masker(noise.form, noise.pass, corpus.manifest.windowLength);
    // Over its own batches t is stratified, and over no others. The two passes of a pair are of one order: that of the first.
    const order = inTrainingOrder(numbers, corpus.manifest.order.seed, drawnPass(noise.form, noise.pass));
    const size = batchWindows ?? noise.form.batchWindows;
    for (let at = 0; at < order.length; at += size)
      if (left > 0) left--;
      else yield { windows: order.subarray(at, at + size), noise, masker, epoch };
  }
}

const shareDone = ({ steps, milliseconds }: LoopSettings, step: number, spent: number): number =>
  Math.min(1, Math.max(steps === null ? 0 : step / steps, milliseconds === null ? 0 : spent / milliseconds));
