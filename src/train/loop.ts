import * as tf from '@tensorflow/tfjs-core';

import { lossNotFinite } from '../core/errors.ts';
import { drawnPass } from '../core/noise.ts';
import { inTrainingOrder } from '../core/random.ts';
import { Masker } from '../noise/index.ts';
import type { Corpus, NoisePass } from '../shard/index.ts';
import { globalNorm } from './gradient-norm.ts';
import { watch } from './guard.ts';
import { lossAndGradients, type Gradients } from './model/loss.ts';
import { addGradients, update, type Optimizer } from './optimizer.ts';
import type { Parameters } from './model/parameters.ts';
import type { ModelConfig } from './model/presets.ts';
import type { Progress } from './progress.ts';
import { emptyTally, type MaskedTokens, meanOf, tallyUp } from './record/breakdown.ts';
import { learningRateAt, type Schedule } from './schedule.ts';
import { inSlabs, layOut, type NoisedSlab } from './slab.ts';
import { cutTo, noiseOf, openPass, readWindow, trainingWindows } from './windows.ts';

export interface LoopSettings {
  /** Steps to make; null: until the time is up. */
  readonly steps: number | null;
  /** Milliseconds to train for, evaluations not counted; null: until the steps are made. */
  readonly milliseconds: number | null;
  /** Windows in an optimizer batch; null: as many as the noise was stratified over. */
  readonly batchWindows: number | null;
  /** Tokens of windows that are laid out together, at most, but at least a window. */
  readonly slabTokens: number;
  readonly schedule: Schedule;
  /** Multiple of the gradient norm's running mean that is exploding (`guard.ts`); 0: none is. */
  readonly maxSpike: number;
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
  /** Nats a masked token, unweighted; null without one. */
  readonly crossEntropy: number | null;
  readonly learningRate: number;
  /** Before clipping. */
  readonly gradientNorm: number;
  /** Trained on so far, repeats included. */
  readonly tokens: number;
  readonly milliseconds: number;
  /** How much of the run is done, 0 to 1. */
  readonly progress: number;
}

export interface LoopState {
  readonly parameters: Parameters;
  readonly optimizer: Optimizer;
  readonly config: ModelConfig;
}

/**
 * Trains: epoch e reads the training windows under noise pass e (passes come round again when there are fewer) in that pass's
 * order, `permutation(windows, manifest seed, pass)` (of a complement: pass - 1), a batch of windows a step. Goes on from
 * `at`, and moves it on. `afterStep` is awaited; it may evaluate and save, and ends the run by returning false.
 */
export async function trainLoop(
  corpus: Corpus,
  state: LoopState,
  settings: LoopSettings,
  at: Progress,
  afterStep: (report: StepReport) => Promise<boolean>,
): Promise<void> {
  for await (const { windows, noise, masker, epoch } of batches(corpus, settings.batchWindows, at.step)) {
    const started = performance.now();
    const progress = shareDone(settings, at);
    if (progress >= 1) break;
    const items = await Promise.all(
      [...windows].map(async (window) => {
        const record = await readWindow(corpus, window, epoch);
        const row = noiseOf(corpus, noise, record);
        return { record: cutTo(record, row), noise: row };
      }),
    );
    const batchTokens = items.reduce((sum, { record }) => sum + record.numTokens, 0);
    const parts = inSlabs(items, settings.slabTokens).map((some) => ({
      windows: Int32Array.from(some, ({ record }) => record.window),
      slab: layOut(some, state.config.maskTokenId, masker, corpus.diffusionBlock),
    }));
    const learningRate = learningRateAt(settings.schedule, at.step, progress);
    const made = await optimizerStep(parts, batchTokens, state, learningRate, settings.signal);
    if (made === null) break;
    const { loss, gradientNorm } = made;
    const bad = { step: at.step + 1, windows: made.shownBy ?? windows, saved: settings.saved() };
    if (!Number.isFinite(loss)) throw lossNotFinite({ ...bad, what: 'loss', value: loss });
    if (!Number.isFinite(gradientNorm)) throw lossNotFinite({ ...bad, what: 'gradient norm', value: gradientNorm });
    const ofStep = emptyTally(corpus.manifest.windowLength);
    for (const masked of made.masked) {
      tallyUp(ofStep, masked);
      tallyUp(at.tally, masked);
    }
    const crossEntropy = meanOf(ofStep);
    if (crossEntropy !== null)
      watch(at.guard, { ...bad, gradientNorm, crossEntropy }, settings.maxSpike, state.config.vocabSize);
    const milliseconds = performance.now() - started;
    at.step += 1;
    at.tokens += batchTokens;
    at.spent += milliseconds;
    const { step, tokens } = at;
    const report = { step, epoch, loss, crossEntropy, learningRate, gradientNorm, tokens, milliseconds };
    if (!(await afterStep({ ...report, progress: shareDone(settings, at) }))) break;
  }
}

/** What one forward and backward pass takes. */
interface Part {
  /** Their numbers. */
  readonly windows: Int32Array;
  readonly slab: NoisedSlab;
}

interface StepMade {
  readonly loss: number;
  readonly gradientNorm: number;
  readonly masked: readonly MaskedTokens[];
  /** The windows that a loss is not finite with; null where it is. */
  readonly shownBy: Int32Array | null;
}

/** Loss and gradients over the parts, then one update, but not with a loss that is not finite. null: the signal came. */
async function optimizerStep(
  parts: readonly Part[],
  batchTokens: number,
  { parameters, optimizer, config }: LoopState,
  learningRate: number,
  signal: AbortSignal,
): Promise<StepMade | null> {
  let gradients: Gradients | null = null;
  let loss = 0;
  let shownBy: Int32Array | null = null;
  const masked: MaskedTokens[] = [];
  for (const { windows, slab } of parts.filter((part) => part.slab.masked.length > 0)) {
    // Nothing above need wait for anything: only a turn of the event loop lets a signal in.
    await new Promise(setImmediate);
    if (signal.aborted) {
      tf.dispose([...(gradients?.values() ?? [])]);
      return null;
    }
    const part = lossAndGradients(slab, parameters, config, batchTokens);
    gradients = addGradients(gradients, part.gradients);
    const nats = (await part.loss.data())[0]!;
    loss += nats;
    masked.push({ slab, crossEntropies: (await part.crossEntropies.data()) as Float32Array });
    tf.dispose([part.loss, part.crossEntropies]);
    if (Number.isFinite(nats)) continue;
    shownBy = windows;
    break;
  }
  if (!gradients) return { loss, gradientNorm: 0, masked, shownBy };
  const norm = globalNorm([...gradients.values()]);
  const gradientNorm = (await norm.data())[0]!;
  const finite = Number.isFinite(loss) && Number.isFinite(gradientNorm);
  if (finite) update(optimizer, parameters, gradients, gradientNorm, learningRate);
  tf.dispose([norm, ...gradients.values()]);
  return { loss, gradientNorm, masked, shownBy };
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

const shareDone = ({ steps, milliseconds }: LoopSettings, { step, spent }: Progress): number =>
  Math.min(1, Math.max(steps === null ? 0 : step / steps, milliseconds === null ? 0 : spent / milliseconds));
