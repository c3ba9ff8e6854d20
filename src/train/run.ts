import { noisePassMissing } from '../core/errors.ts';
import { commitFile } from '../io/commit.ts';
import { readAll } from '../io/files.ts';
import { MAX_TOKENIZER_BYTES } from '../core/limits.ts';
import { maskedPositions } from '../noise/index.ts';
import type { Corpus } from '../shard/index.ts';
import { saveCheckpoint } from './checkpoint.ts';
import { evaluate, someOf } from './evaluate.ts';
import { trainLoop } from './loop.ts';
import { createOptimizer, disposeOptimizer } from './optimizer.ts';
import { countParameters, disposeParameters, initialParameters, parameterSpecs } from './parameters.ts';
import type { ModelConfig } from './presets.ts';
import { recordRun, type RunRecord } from './record.ts';
import { denoise, SAMPLE } from './sample.ts';
import { unigramCrossEntropy } from './unigram.ts';

export interface RunSettings {
  readonly steps: number | null;
  readonly milliseconds: number | null;
  readonly batchWindows: number | null;
  readonly learningRate: number;
  readonly warmup: number;
  /** Steps between evaluations, each followed by a checkpoint. */
  readonly evalEvery: number;
  readonly seed: number;
  readonly out: string;
}

export type TrainEvent =
  | { readonly kind: 'model'; readonly config: ModelConfig; readonly parameters: { total: number; body: number } }
  | { readonly kind: 'unigram'; readonly crossEntropy: number; readonly tokens: number }
  | { readonly kind: 'notice'; readonly text: string }
  | {
      readonly kind: 'step';
      readonly step: number;
      /** Of the whole run: given, or foreseen from the time left. */
      readonly steps: number;
      readonly epoch: number;
      readonly loss: number;
      readonly learningRate: number;
      readonly gradientNorm: number;
      readonly tokens: number;
      readonly tokensPerSecond: number;
      readonly secondsLeft: number;
    }
  | {
      readonly kind: 'evaluation';
      readonly step: number;
      readonly loss: number;
      /** Held-out tokens it is the mean over; each is seen at several noise levels. */
      readonly heldOutTokens: number;
      readonly final: boolean;
    }
  | { readonly kind: 'sample'; readonly prompt: Int32Array; readonly continuation: Int32Array }
  | { readonly kind: 'files'; readonly checkpoint: string; readonly curve: string; readonly metrics: string };

export interface RunResult {
  readonly steps: number;
  /** The signal came before the run was done. */
  readonly interrupted: boolean;
  /** Held-out loss at the end, nats a token; null without validation windows or when interrupted. */
  readonly heldOut: number | null;
  readonly unigram: number | null;
}

/** Tokens in one forward and backward pass. */
const SLAB_TOKENS = 4096;
/** Held-out tokens looked at, at most, the same each time: bounds the time on a large corpus. */
const EVAL_TOKENS = 65_536;
/** Noise levels each held-out window is seen at. */
const LEVELS = { onTheWay: 1, final: 4 };
/** Training tokens the unigram is counted on, at most. */
const UNIGRAM_TOKENS = 2 ** 25;

/** Trains a model on a corpus and leaves checkpoint, curve and metrics in `settings.out`. The backend is already chosen. */
export async function runTraining(
  corpus: Corpus,
  config: ModelConfig,
  settings: RunSettings,
  emit: (event: TrainEvent) => void,
  signal: AbortSignal,
): Promise<RunResult> {
  if (corpus.passes === 0) throw noisePassMissing(corpus.dir, 0, 0);
  const { windowLength } = corpus.manifest;
  const validation = someOf(corpus.numbers('validation'), windowLength, EVAL_TOKENS);
  const unigram = validation.length
    ? await unigramCrossEntropy(corpus, someOf(corpus.numbers('train'), windowLength, UNIGRAM_TOKENS), validation)
    : null;
  emit({ kind: 'model', config, parameters: countParameters(config) });
  if (unigram) emit({ kind: 'unigram', crossEntropy: unigram.crossEntropy, tokens: unigram.validationTokens });
  else emit({ kind: 'notice', text: 'no validation windows: there will be no held-out loss' });

  const specs = parameterSpecs(config);
  const parameters = initialParameters(config, settings.seed);
  const optimizer = createOptimizer(specs);
  const record: RunRecord = { title: corpus.manifest.name, config, unigram: unigram?.crossEntropy ?? null, lines: [] };
  const tell = (event: TrainEvent): void => {
    if (event.kind === 'step' || event.kind === 'evaluation') record.lines.push(event);
    emit(event);
  };
  const save = async (): Promise<void> => {
    await saveCheckpoint(settings.out, parameters, config, { corpus: corpus.manifest.plan });
    await recordRun(settings.out, record);
  };
  const evaluateAt = async (step: number, final: boolean): Promise<number | null> => {
    if (validation.length === 0) return null;
    const times = final ? LEVELS.final : LEVELS.onTheWay;
    const { loss, tokens } = await evaluate(corpus, parameters, config, maskedPositions, {
      windows: validation,
      times,
    });
    tell({ kind: 'evaluation', step, loss, heldOutTokens: tokens, final });
    return loss;
  };
  try {
    await commitTokenizer(corpus, settings.out);
    let reused = false;
    const pace = paceOf();
    const steps = await trainLoop(
      corpus,
      { parameters, optimizer, config },
      maskedPositions,
      {
        steps: settings.steps,
        milliseconds: settings.milliseconds,
        batchWindows: settings.batchWindows,
        slabTokens: Math.max(SLAB_TOKENS, windowLength),
        schedule: { peak: settings.learningRate, warmup: settings.warmup, shape: 'cosine', floor: 0.1 },
      },
      async ({ milliseconds, progress, ...report }) => {
        const { tokensPerSecond, secondsLeft } = pace(report.tokens, milliseconds, progress);
        const foreseen = settings.steps ?? Math.max(report.step, Math.round(report.step / progress));
        tell({ kind: 'step', ...report, steps: foreseen, tokensPerSecond, secondsLeft });
        if (report.epoch >= corpus.passes && !reused) {
          reused = true;
          emit({ kind: 'notice', text: `epoch ${report.epoch}: the ${corpus.passes} noise pass(es) come round again` });
        }
        if (signal.aborted) return false;
        if (report.step % settings.evalEvery === 0 && progress < 1) {
          await evaluateAt(report.step, false);
          await save();
        }
        return !signal.aborted;
      },
    );
    const interrupted = signal.aborted;
    const heldOut = interrupted ? null : await evaluateAt(steps, true);
    await save();
    emit({ kind: 'files', ...pathsIn(settings.out) });
    if (!interrupted) await emitSample(corpus, validation, parameters, config, emit);
    return { steps, interrupted, heldOut, unigram: unigram?.crossEntropy ?? null };
  } finally {
    disposeParameters(parameters);
    disposeOptimizer(optimizer);
  }
}

export const pathsIn = (out: string): { checkpoint: string; curve: string; metrics: string } => ({
  checkpoint: `${out}/model.safetensors`,
  curve: `${out}/curve.svg`,
  metrics: `${out}/metrics.jsonl`,
});

/** The checkpoint is of use only with its tokenizer. */
async function commitTokenizer(corpus: Corpus, out: string): Promise<void> {
  const name = 'tokenizer.json';
  await commitFile(`${out}/${name}`, await readAll(`${corpus.dir}/${name}`, MAX_TOKENIZER_BYTES));
}

/** Speed over about the last 20 steps, the first one of the process left out: it is several times slower. */
function paceOf() {
  let before = 0;
  let spent = 0;
  let speed = 0;
  return (tokens: number, milliseconds: number, progress: number) => {
    const now = ((tokens - before) / milliseconds) * 1000;
    speed = before === 0 || speed === 0 ? now : spent < 2 * milliseconds ? now : speed + (now - speed) / 20;
    before = tokens;
    spent += milliseconds;
    return { tokensPerSecond: speed, secondsLeft: progress > 0 ? (spent * (1 - progress)) / progress / 1000 : 0 };
  };
}

/** A prompt from the start of the longest held-out document, and what the model makes of it. */
async function emitSample(
  corpus: Corpus,
  validation: Int32Array,
  parameters: Awaited<ReturnType<typeof initialParameters>>,
  config: ModelConfig,
  emit: (event: TrainEvent) => void,
): Promise<void> {
  const window = validation[0] ?? corpus.numbers('train')[0];
  if (window === undefined) return;
  const { inputIds, segments } = await corpus.read(window);
  const longest = segments.toSorted((a, b) => b.length - a.length)[0];
  if (!longest) return;
  const length = Math.max(1, Math.min(48, Math.floor(longest.length / 2)));
  const prompt = inputIds.slice(longest.start, longest.start + length);
  emit({ kind: 'sample', prompt, continuation: await denoise(prompt, parameters, config, SAMPLE) });
}
