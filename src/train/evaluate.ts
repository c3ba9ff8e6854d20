import { DEFAULT_FORM } from '../core/noise.ts';
import { keyOf, philox, STREAM } from '../core/random.ts';
import { Masker, SCALE, scheduleOf, steps } from '../noise/index.ts';
import type { Corpus, NoiseRow } from '../shard/index.ts';
import { slabCrossEntropies } from './model/loss.ts';
import type { Parameters } from './model/parameters.ts';
import type { ModelConfig } from './model/presets.ts';
import { type Breakdown, breakdownOf, emptyTally, meanOf, tallyUp } from './record/breakdown.ts';
import { inSlabs, layOut } from './slab.ts';
import { readWindow } from './windows.ts';

/** LLaDA's: p = (1 - eps) t + eps, weight 1 / p, one t a window. */
const FORM = DEFAULT_FORM;
const SCHEDULE = scheduleOf(FORM.schedule, FORM);
/** Passes of the evaluation's own noise count down from here: never a pass of a corpus. */
const LAST_PASS = 0xffffffff;

/** Held-out loss: an estimate of the bound on the negative log-likelihood. */
export interface Evaluation {
  /** Nats a token. */
  readonly loss: number;
  readonly tokens: number;
  /** Nats a masked token, unweighted; null without one. */
  readonly crossEntropy: number | null;
  readonly breakdown: Breakdown;
}

/**
 * The diffusion loss on validation windows under noise of its own, fixed by `seed`: each window is seen at `times`
 * noise levels, stratified over (0, 1), each window with its own shift. With one t a window, as in training, the figure would
 * vary more than what is to be seen. `windows`: a subset of the validation windows; all by default. null: the signal came.
 */
export async function evaluate(
  corpus: Corpus,
  parameters: Parameters,
  config: ModelConfig,
  {
    times = 4,
    seed = 0,
    windows = corpus.numbers('validation'),
    slabTokens = 4096,
    signal,
  }: { times?: number; seed?: number; windows?: Int32Array; slabTokens?: number; signal?: AbortSignal } = {},
): Promise<Evaluation | null> {
  let sum = 0;
  let tokens = 0;
  const tally = emptyTally(corpus.manifest.windowLength);
  const masker = new Masker(FORM, 0, corpus.manifest.windowLength);
  for (const [index, window] of windows.entries()) {
    const record = await readWindow(corpus, window);
    const levels = Array.from({ length: times }, (_, k) =>
      evaluationNoise(window, record.numTokens, (k + shiftOf(index, seed)) / times, k, seed),
    );
    for (const some of inSlabs(
      levels.map((noise) => ({ record, noise })),
      slabTokens,
    )) {
      // Only a turn of the event loop lets a signal in.
      await new Promise(setImmediate);
      if (signal?.aborted) return null;
      const slab = layOut(some, config.maskTokenId, masker, corpus.diffusionBlock);
      const crossEntropies = await slabCrossEntropies(slab, parameters, config);
      crossEntropies.forEach((nats, i) => (sum += (slab.weights[i]! * nats) / times));
      tallyUp(tally, { slab, crossEntropies });
    }
    tokens += record.numTokens;
  }
  return { loss: sum / tokens, tokens, crossEntropy: meanOf(tally), breakdown: breakdownOf(tally) };
}

/** Shift of a window's levels, by its place among the windows: multiples of the golden ratio fill (0, 1) evenly. */
export function shiftOf(index: number, seed: number): number {
  const draw = new Uint32Array(4);
  philox(draw, keyOf(seed), 0, 0, LAST_PASS, STREAM.time);
  return (draw[0]! / 2 ** 32 + index * 0.6180339887498949) % 1;
}

/** The k-th noise of a window, at time t. */
export function evaluationNoise(window: number, numTokens: number, t: number, k: number, seed: number): NoiseRow {
  const draw = new Uint32Array(4);
  const p = steps(SCHEDULE.p(t)) / SCALE;
  philox(draw, keyOf(seed), window, k, LAST_PASS, STREAM.window);
  return {
    window,
    unitLengths: Int32Array.of(numTokens),
    p: Float32Array.of(p),
    weight: Float32Array.of(1 / p),
    key: [draw[0]!, draw[1]!],
    contextWeight: null,
  };
}

/** About `tokens` tokens' worth of `windows`, spread evenly over them, at least one of any. */
export function someOf(windows: Int32Array, windowLength: number, tokens: number): Int32Array {
  const count = Math.max(1, Math.min(windows.length, Math.ceil(tokens / windowLength)));
  return Int32Array.from(
    { length: windows.length ? count : 0 },
    (_, i) => windows[Math.floor((i * windows.length) / count)]!,
  );
}
