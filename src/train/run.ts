import { isPrepError, noisePassMissing, usageError } from '../core/errors.ts';
import { commitFile } from '../io/commit.ts';
import { exists, readAll } from '../io/files.ts';
import { MAX_TOKENIZER_BYTES } from '../core/limits.ts';
import type { Corpus } from '../shard/index.ts';
import { saveCheckpoint } from './checkpoint/checkpoint.ts';
import { evaluate, someOf } from './evaluate.ts';
import { BEGINNING, type LoopState, type Start, trainLoop } from './loop.ts';
import { checkRoom, startModel, withModel } from './memory.ts';
import { paceOf } from './pace.ts';
import { countParameters } from './model/parameters.ts';
import type { ModelConfig } from './model/presets.ts';
import { recordedUntil, recordRun, type RunRecord } from './record/record.ts';
import { identityOf, loadResume, type RunIdentity, saveResume } from './checkpoint/resume.ts';
import { sampleFrom } from './sample/run-sample.ts';
import type { RunResult, RunSettings, TrainEvent } from './run-types.ts';
import { unigramCrossEntropy } from './unigram.ts';
import { checkManifest, trainingWindows } from './windows.ts';

/** Tokens in one forward and backward pass. */
const SLAB_TOKENS = 4096;
/** Held-out tokens looked at, at most, the same each time: bounds the time on a large corpus. */
const EVAL_TOKENS = 65_536;
/** Noise levels each held-out window is seen at. */
const LEVELS = { onTheWay: 1, final: 4 };
/** Training tokens the unigram is counted on, at most. */
const UNIGRAM_TOKENS = 2 ** 25;

/**
 * Trains a model on a corpus and leaves checkpoint, curve and metrics in `settings.out`. The backend is already chosen.
 * The signal ends it between two slabs; what was learned is written, unless there was no step.
 */
export async function runTraining(
  corpus: Corpus,
  config: ModelConfig,
  settings: RunSettings,
  emit: (event: TrainEvent) => void,
  signal: AbortSignal,
): Promise<RunResult> {
  checkManifest(corpus);
  if (corpus.passes === 0) throw noisePassMissing(corpus.dir, 0, 0);
  if (await exists(`${settings.out}/manifest.json`))
    throw usageError(`--out ${settings.out} holds a corpus (manifest.json); give a folder of its own`);
  checkRoom(config);
  const { windowLength } = corpus.manifest;
  const counted = someOf(trainingWindows(corpus), windowLength, UNIGRAM_TOKENS);
  const validation = someOf(corpus.numbers('validation'), windowLength, EVAL_TOKENS);
  const unigram = validation.length ? await unigramCrossEntropy(corpus, counted, validation, signal) : null;
  if (signal.aborted) return { steps: 0, interrupted: true, heldOut: null, unigram: null };
  emit({ kind: 'model', config, parameters: countParameters(config) });
  if (unigram) emit({ kind: 'unigram', crossEntropy: unigram.crossEntropy, tokens: unigram.validationTokens });
  else emit({ kind: 'notice', text: 'no validation windows: there will be no held-out loss' });
  const identity = await identityOf(corpus, config, settings);
  const record: RunRecord = { title: corpus.manifest.name, config, unigram: unigram?.crossEntropy ?? null, lines: [] };
  let start = BEGINNING;
  const make = async (): Promise<LoopState> => {
    if (!settings.resume) return startModel(config, settings.seed, settings.from);
    const resumed = await loadResume(settings.out, config, identity);
    start = resumed.start;
    record.lines.push(...(await recordedUntil(settings.out, start.step)));
    return resumed.state;
  };
  try {
    return await withModel(make, (state) =>
      train({ corpus, settings, validation, record, emit, signal, start, identity }, state),
    );
  } catch (error) {
    if (isPrepError(error) && error.code === 'LOSS_NOT_FINITE' && record.lines.length > 0)
      await recordRun(settings.out, record);
    throw error;
  }
}

interface Run {
  readonly corpus: Corpus;
  readonly settings: RunSettings;
  readonly validation: Int32Array;
  readonly record: RunRecord;
  readonly emit: (event: TrainEvent) => void;
  readonly signal: AbortSignal;
  readonly start: Start;
  readonly identity: RunIdentity;
}

async function train(run: Run, state: LoopState): Promise<RunResult> {
  const { corpus, settings, validation, record, emit, signal, start, identity } = run;
  const { parameters, config } = state;
  let saved = start.step > 0;
  let at = start;
  const tell = (event: TrainEvent): void => {
    if (event.kind === 'step' || event.kind === 'evaluation') record.lines.push(event);
    emit(event);
  };
  const save = async (): Promise<void> => {
    await saveCheckpoint(settings.out, parameters, config, { corpus: corpus.manifest.plan });
    saved = true;
    await recordRun(settings.out, record);
    // Last: what is resumed from here has its metrics and its checkpoint.
    await saveResume(settings.out, state, at, identity);
  };
  const evaluateAt = async (step: number, final: boolean): Promise<number | null> => {
    if (validation.length === 0) return null;
    const times = final ? LEVELS.final : LEVELS.onTheWay;
    const found = await evaluate(corpus, parameters, config, { windows: validation, times, signal });
    if (found) tell({ kind: 'evaluation', step, loss: found.loss, heldOutTokens: found.tokens, final });
    return found?.loss ?? null;
  };
  await commitTokenizer(corpus, settings.out);
  let reused = false;
  const pace = paceOf(start);
  const steps = await trainLoop(
    corpus,
    state,
    {
      steps: settings.steps,
      milliseconds: settings.milliseconds,
      batchWindows: settings.batchWindows,
      slabTokens: Math.max(SLAB_TOKENS, corpus.manifest.windowLength),
      schedule: { peak: settings.learningRate, warmup: settings.warmup, shape: 'cosine', floor: 0.1 },
      signal,
      saved: () => saved,
    },
    start,
    async ({ milliseconds, progress, spent, ...report }) => {
      at = { step: report.step, tokens: report.tokens, spent };
      // With steps and minutes both given, what ends first decides.
      const foreseen = Math.max(report.step, Math.round(report.step / progress));
      tell({ kind: 'step', ...report, steps: foreseen, ...pace(report.tokens, milliseconds, progress) });
      if (report.epoch >= corpus.passes && !reused) {
        reused = true;
        emit({ kind: 'notice', text: `epoch ${report.epoch}: the ${corpus.passes} noise pass(es) come round again` });
      }
      if (signal.aborted || report.step % settings.evalEvery !== 0 || progress >= 1) return !signal.aborted;
      await evaluateAt(report.step, false);
      if (!signal.aborted) await save();
      return !signal.aborted;
    },
  );
  let interrupted = signal.aborted;
  const heldOut = interrupted ? null : await evaluateAt(steps, true);
  interrupted ||= validation.length > 0 && heldOut === null;
  if (steps > 0) {
    await save();
    emit({ kind: 'files', ...pathsIn(settings.out) });
  }
  const sample = interrupted || signal.aborted ? null : await sampleFrom(corpus, validation, { parameters, config });
  if (sample) emit(sample);
  return { steps, interrupted, heldOut, unigram: record.unigram };
}

const pathsIn = (out: string): { checkpoint: string; curve: string; metrics: string } => ({
  checkpoint: `${out}/model.safetensors`,
  curve: `${out}/curve.svg`,
  metrics: `${out}/metrics.jsonl`,
});

/** The checkpoint is of use only with its tokenizer. */
async function commitTokenizer(corpus: Corpus, out: string): Promise<void> {
  const name = 'tokenizer.json';
  await commitFile(`${out}/${name}`, await readAll(`${corpus.dir}/${name}`, MAX_TOKENIZER_BYTES));
}
