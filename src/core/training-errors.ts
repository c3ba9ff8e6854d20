/** Errors of the trainer: checkpoints, backends, losses, memory. */
import { messageOf, PrepError } from './prep-error.ts';

/** `place` is a tensor, a field or `header`. */
export const checkpointInvalid = (file: string, place: string, problem: string): PrepError =>
  new PrepError(
    'CHECKPOINT_INVALID',
    `${file}: ${place}: ${problem}; restore it from a copy, or make it again with \`train\``,
    { file, place },
  );

/** A checkpoint that cannot go on with a corpus. */
export const checkpointMismatch = (dir: string, problem: string, wayOut: string): PrepError =>
  new PrepError('CHECKPOINT_MISMATCH', `${dir} ${problem}; ${wayOut}`, { dir, problem });

/** `from` is the folder that was looked in. */
export const checkpointNotFound = (from: string): PrepError =>
  new PrepError(
    'CHECKPOINT_NOT_FOUND',
    `no checkpoint in ${from} (a folder with config.json and model.safetensors); make one with \`train\`, or name its folder`,
    { dir: from },
  );

/** Weights with NaN or infinities in them, or such as give them. */
export const logitsNotFinite = (): PrepError =>
  new PrepError(
    'CHECKPOINT_INVALID',
    'the model gives logits that are not finite: its weights are of a run that went wrong; use an earlier checkpoint, or train again with a lower --lr',
    {},
  );

export const backendUnavailable = (wanted: string, reasons: readonly string[]): PrepError =>
  new PrepError(
    'BACKEND_UNAVAILABLE',
    `no usable TensorFlow.js backend (wanted ${wanted}): ${reasons.join('; ')}; install one, or leave --backend out`,
    { wanted, reasons },
  );

/** `command` failed, and said `said`. */
export const setupFailed = (command: string, said: string, wayOut: string): PrepError =>
  new PrepError('SETUP_FAILED', `${command} failed: ${said}; ${wayOut}`, { command });

/** Where a loss went wrong, and what of it. */
export interface BadLoss {
  readonly step: number;
  /** Windows of the step's batch, or of the part of it that shows it; none where it is the held-out loss. */
  readonly windows: Int32Array;
  /** `loss`, `gradient norm`, ... */
  readonly what: string;
  readonly value: number;
  /** This run has written a checkpoint. */
  readonly saved: boolean;
}

export const lossNotFinite = (bad: BadLoss): PrepError =>
  new PrepError(
    'LOSS_NOT_FINITE',
    `the ${bad.what} is ${bad.value} at step ${bad.step}${inWindows(bad.windows)}; lower --lr or raise --warmup${kept(bad.saved)}`,
    badLossDetails(bad),
  );

export const lossExploded = (bad: BadLoss & { readonly limit: number; readonly inARow?: number }): PrepError =>
  new PrepError(
    'LOSS_EXPLODED',
    `the ${bad.what} is ${bad.value.toPrecision(4)} at step ${bad.step}${inWindows(bad.windows)}, ` +
      `${bad.inARow === undefined ? '' : `the last of ${bad.inARow} steps in a row `}above the limit of ${bad.limit.toPrecision(4)}; ` +
      `lower --lr, raise --warmup, or set another --max-spike${kept(bad.saved)}`,
    { ...badLossDetails(bad), limit: bad.limit },
  );

const badLossDetails = ({ step, windows, what, value, saved }: BadLoss) => ({
  step,
  windows: [...windows].map(String),
  what,
  value: String(value),
  saved,
});

/** A batch may have thousands: the details have them all. */
const inWindows = (windows: Int32Array): string => {
  if (windows.length === 0) return '';
  const more = windows.length > 16 ? ` and ${windows.length - 16} more` : '';
  return ` (windows ${windows.subarray(0, 16).join(', ')}${more})`;
};

const kept = (saved: boolean): string =>
  saved ? ' (the last good checkpoint is kept)' : ' (no checkpoint was written)';

/** What a training step would take, and what would fit; bytes. */
export interface TooLarge {
  /** Words such as `the preset small (1,000 parameters)`. */
  readonly model: string;
  readonly weights: number;
  readonly activations: number;
  /** Tokens of the longest attention group. */
  readonly longest: number;
  readonly limit: number;
  readonly backend: string;
  /** Longest group that fits; null: none. */
  readonly group: number | null;
  readonly preset: string | null;
}

export const stepTooLarge = ({
  model,
  weights,
  activations,
  longest,
  limit,
  backend,
  group,
  preset,
}: TooLarge): PrepError =>
  new PrepError(
    'OUT_OF_MEMORY',
    `a step of ${model} takes ${inGiB(weights)} GiB for weights, gradients and moments and ${inGiB(activations)} GiB for a group of ` +
      `${longest} tokens, the backend ${backend} has ${inGiB(limit)} GiB; ` +
      (group === null
        ? 'no window is short enough'
        : `groups of up to ${group} tokens fit (--window, or policy adaptive)`) +
      (preset === null ? ', and no preset: take a tokenizer with a smaller vocabulary' : `, and --preset ${preset}`),
    { model, weights, activations, longest, limit, backend, group, preset },
  );

const inGiB = (bytes: number): string => (bytes / 2 ** 30).toFixed(1);

export const outOfMemory = (backend: string, cause: unknown): PrepError =>
  new PrepError(
    'OUT_OF_MEMORY',
    `the run does not fit into the memory of the backend ${backend} (${messageOf(cause).split('\n')[0]}); ` +
      'choose a smaller --preset, or make the corpus with a smaller --window or vocabulary',
    { backend },
    cause,
  );
