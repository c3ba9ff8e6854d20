import { isPrepError, noisePassMissing, usageError } from '../core/errors.ts';
import { exists } from '../io/files.ts';
import type { Corpus } from '../shard/index.ts';
import { canResume, identityOf, loadResume } from './checkpoint/resume.ts';
import { type Evaluation, someOf } from './evaluate.ts';
import { faultOf, heldOutLoss } from './held-out.ts';
import { type LoopState, trainLoop } from './loop.ts';
import { startModel, withModel } from './memory.ts';
import { checkRoom, longestGroup } from './preflight.ts';
import { paceOf } from './pace.ts';
import { countParameters } from './model/parameters.ts';
import type { ModelConfig } from './model/presets.ts';
import { beginning, type Progress } from './progress.ts';
import { breakdownOf, emptyTally } from './record/breakdown.ts';
import { recordedLines, type RunRecord } from './record/record.ts';
import { sampleFrom } from './sample/run-sample.ts';
import { pathsIn, type Saver, saverOf } from './saving.ts';
import type { RunResult, RunSettings, TrainEvent } from './run-types.ts';
import { unigramCrossEntropy } from './unigram.ts';
import { checkManifest, trainingWindows } from './windows.ts';

/** Tokens of windows that are laid out together, but at least a window's; between two such slabs a signal is heard. */
const SLAB_TOKENS = 4096;
/** Held-out tokens looked at, at most, the same each time: bounds the time on a large corpus. */
const EVAL_TOKENS = 65_536;
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
  const averaged = settings.optimizer.averageDecay !== null;
  checkRoom(config, await longestGroup(corpus), undefined, undefined, averaged);
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
  let progress = beginning(windowLength);
  const make = async (): Promise<LoopState> => {
    if (!settings.resume) return startModel(config, settings.seed, settings.from, settings.optimizer);
    const resumed = await loadResume(settings.out, config, corpus, settings, identity);
    progress = resumed.progress;
    return resumed.state;
  };
  return withModel(make, async (state) => {
    record.lines.push(...(await recordedLines(settings.out, progress.lines)));
    const saver = saverOf({ corpus, out: settings.out, state, progress, record, identity });
    try {
      return await train({ corpus, settings, validation, record, emit, signal, progress, saver }, state);
    } catch (error) {
      if (isPrepError(error) && BAD_LOSS.has(error.code) && (saver.saved || !(await canResume(settings.out))))
        await saver.saveRecord();
      throw error;
    }
  });
}

/** Errors after which the record so far is what one looks at. */
const BAD_LOSS = new Set(['LOSS_NOT_FINITE', 'LOSS_EXPLODED']);

export interface Run {
  readonly corpus: Corpus;
  readonly settings: RunSettings;
  readonly validation: Int32Array;
  readonly record: RunRecord;
  readonly emit: (event: TrainEvent) => void;
  readonly signal: AbortSignal;
  readonly progress: Progress;
  readonly saver: Saver;
}

async function train(run: Run, state: LoopState): Promise<RunResult> {
  const { corpus, settings, validation, record, emit, signal, progress, saver } = run;
  const { parameters, config } = state;
  const { windowLength } = corpus.manifest;
  const tell = (event: Told): void => {
    record.lines.push({ ...event, time: Date.now() / 1000 });
    emit(event);
  };
  /** Of the weights as they are now. */
  let heldOut: Evaluation | null = null;
  const evaluateNow = async (final: boolean): Promise<void> => {
    const { step } = progress;
    const found = (heldOut = await heldOutLoss(run, state, final));
    if (signal.aborted) return;
    if (found) {
      const { loss, averageLoss, tokens } = found;
      const average = averageLoss === undefined ? {} : { averageLoss };
      tell({ kind: 'evaluation', step, loss, ...average, heldOutTokens: tokens, final });
    }
    tell({ kind: 'breakdown', step, of: 'training', ...breakdownOf(progress.tally) });
    if (found) tell({ kind: 'breakdown', step, of: 'held-out', ...found.breakdown });
    progress.tally = emptyTally(windowLength);
    progress.evaluated = step;
  };
  let reused = false;
  const pace = paceOf(progress);
  const due = (): boolean => progress.step % settings.evalEvery === 0 && progress.evaluated < progress.step;
  // The run before was stopped in the middle of it.
  if (due()) await evaluateNow(false);
  await trainLoop(
    corpus,
    state,
    {
      steps: settings.steps,
      milliseconds: settings.milliseconds,
      batchWindows: settings.batchWindows,
      slabTokens: Math.max(SLAB_TOKENS, windowLength),
      schedule: settings.schedule,
      maxSpike: settings.maxSpike,
      signal,
      saved: () => saver.saved,
    },
    progress,
    async ({ milliseconds, progress: done, ...report }) => {
      heldOut = null;
      // With steps and minutes both given, what ends first decides.
      const foreseen = Math.max(report.step, Math.round(report.step / done));
      tell({ kind: 'step', ...report, steps: foreseen, ...pace(report.tokens, milliseconds, done) });
      if (report.epoch >= corpus.passes && !reused) {
        reused = true;
        emit({ kind: 'notice', text: `epoch ${report.epoch}: the ${corpus.passes} noise pass(es) come round again` });
      }
      if (signal.aborted || done >= 1) return !signal.aborted;
      if (due()) await evaluateNow(false);
      if (report.step % settings.saveEvery === 0 && !signal.aborted)
        // While a loss explodes, the checkpoint from before it is the one to keep.
        if (progress.guard.streak === 0 && !(await faultOf(run, state, heldOut))) await saver.save();
      return !signal.aborted;
    },
  );
  const { step } = progress;
  // Not of a run that was done and is resumed: its figures stand.
  if (!signal.aborted && progress.evaluated < step) await evaluateNow(true);
  const interrupted = signal.aborted;
  if (step > 0) {
    const fault = await faultOf(run, state, heldOut);
    if (fault) throw fault;
    await saver.save();
    emit({ kind: 'files', ...pathsIn(settings.out) });
  }
  const sample = interrupted ? null : await sampleFrom(corpus, validation, { parameters, config });
  if (sample) emit(sample);
  const end = record.lines.findLast((line) => line.kind === 'evaluation');
  return { steps: step, interrupted, heldOut: !interrupted && end ? end.loss : null, unigram: record.unigram };
}

type Told = TrainEvent & { readonly kind: 'step' | 'evaluation' | 'breakdown' };
