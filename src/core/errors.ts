/**
 * Every error a user can cause, in one place: one factory each, which writes the message. A message names the offender, the
 * place in it, and ends with the way out. Tests compare codes, not texts.
 */
import { messageOf, PrepError } from './prep-error.ts';

export * from './prep-error.ts';

export const usageError = (message: string): PrepError => new PrepError('USAGE', message);

/** `meant` is a command whose name is near, if there is one. */
export const configNotFound = (path: string, meant?: string): PrepError =>
  new PrepError(
    'CONFIG_NOT_FOUND',
    `no pipeline file at ${path}; ${meant ? `did you mean \`prep ${meant}\`?` : 'give an existing .yaml, or run `prep --help`'}`,
    {
      file: path,
    },
  );

/** `line` and `column` count from 1, 0 where the setting is not from a file; `field` is a path such as `noise.passes`. */
export const configInvalid = (
  file: string,
  place: { line: number; column: number; field: string },
  problem: string,
  wayOut: string,
): PrepError =>
  new PrepError(
    'CONFIG_INVALID',
    `${file}${place.line > 0 ? `:${place.line}:${place.column}` : ''}: ${place.field ? `\`${place.field}\` ` : ''}${problem}; ${wayOut}`,
    { file, ...place },
  );

export const inputNotFound = (path: string, from: string): PrepError =>
  new PrepError('INPUT_NOT_FOUND', `no input matches ${path} (looked from ${from}); correct the path or the pattern`, {
    path,
    from,
  });

export const inputUnknownFormat = (path: string, known: readonly string[]): PrepError =>
  new PrepError(
    'INPUT_UNKNOWN_FORMAT',
    `${path}: cannot tell the format from its name; known are ${known.join(', ')}: rename or convert it`,
    { file: path, known },
  );

/** `offset` is in bytes of the file as it lies on disk. */
export const inputTruncated = (path: string, offset: number, problem: string): PrepError =>
  new PrepError(
    'INPUT_TRUNCATED',
    `${path}: ends too early or is damaged at byte ${offset} (${problem}); copy the file again, or take it out of the inputs`,
    { file: path, offset },
  );

/** `offset` is in bytes of the file as it lies on disk. */
export const decompressionLimit = (path: string, offset: number, problem: string): PrepError =>
  new PrepError(
    'DECOMPRESSION_LIMIT',
    `${path}: decompressing it would take too much at byte ${offset} (${problem}); if you trust the file, decompress it and give the result`,
    { file: path, offset },
  );

/** A plan's folder came here without what it knew of this machine. */
export const inputRootUnknown = (dir: string, first: string): PrepError =>
  new PrepError(
    'INPUT_ROOT_UNKNOWN',
    `${dir}: where its inputs lie on this machine is not known (it has no local.json); give the folder that holds ${first} with --root`,
    { dir, first },
  );

/** A pattern from a file may take exponential time on some text; it runs only with a limit. */
export const tokenizerTimeout = (engine: string, seconds: number, bytes: number): PrepError =>
  new PrepError(
    'TOKENIZER_TIMEOUT',
    `the tokenizer (${engine}) did not finish a document of ${bytes} bytes in ${seconds} s; ` +
      'use a tokenizer with a known split pattern, or take that document out',
    { engine, seconds, bytes },
  );

/** `place` is words such as `record 17` or `byte 4096`. */
export const inputMalformed = (path: string, place: string, problem: string): PrepError =>
  new PrepError(
    'INPUT_MALFORMED',
    `${path}: ${place}: ${problem}; repair the file there, or take it out of the inputs`,
    { file: path, place },
  );

/** A user's filter module that cannot be loaded. */
export const filterInvalid = (module: string, problem: string): PrepError =>
  new PrepError(
    'FILTER_FAILED',
    `${module}: ${problem}; its default export must be a function of a document that returns true, false or { reason }`,
    { module },
  );

/** The same of one that fails on a document: record `record` (from 0, in the split's part) of `file`. */
export const filterFailed = (module: string, file: string, record: number, problem: string): PrepError =>
  new PrepError(
    'FILTER_FAILED',
    `${module}: on ${file}, record ${record}: ${problem}; correct the filter, or take that record out`,
    { module, file, record },
  );

/** The same of one whose reasons are too many in all: none of its splits has given as many. */
export const filterReasons = (dir: string, reasons: number, most: number, last: string): PrepError =>
  new PrepError(
    'FILTER_FAILED',
    `${dir}: the filter gives ${reasons} reasons, more than ${most}, the last ${JSON.stringify(last)}; let it give fewer, and start over with --overwrite`,
    { dir, reasons, most },
  );

/** The same of one that ends the thread it runs in. */
export const filterEnded = (module: string, status: number): PrepError =>
  new PrepError(
    'FILTER_FAILED',
    `${module}: it ends the thread that it runs in, with status ${status}; a filter must answer, or throw`,
    { module, status },
  );

/** `file` lists the rejects, with their reasons. */
export const corpusEmpty = (
  inputs: number,
  rejected: number,
  firstReject: string | null,
  file: string | null,
): PrepError =>
  new PrepError(
    'CORPUS_EMPTY',
    `no document in ${inputs} input file(s)` +
      (rejected > 0 ? `: all ${rejected} records were rejected, the first because ${firstReject}` : '') +
      (file === null ? '; check the files' : `; see ${file}, check the files and --field`),
    { inputs, rejected, firstReject, ...(file === null ? {} : { file }) },
  );

/** `dropped` counts documents by reason. */
export const allDropped = (
  documents: number,
  dropped: Readonly<Record<string, number>>,
  windowLength: number,
): PrepError => {
  const reasons = Object.entries(dropped).map(([reason, n]) => `${n} ${reason}`);
  return new PrepError(
    'CORPUS_EMPTY',
    `no window to write: all ${documents} documents were dropped (${reasons.join(', ')}; a window has ${windowLength} tokens); ` +
      'use --long-documents split or a larger --window, with --overwrite',
    { documents, dropped: reasons, windowLength },
  );
};

/** A mask that the bundled trainer has no attention for. */
export const maskTableMissing = (dir: string, name: string, there: readonly string[]): PrepError =>
  usageError(
    `${dir} has no table of masks ${name}${there.length > 0 ? ` (there are ${there.join(', ')})` : ''}; \`prep mask ${dir} --policy ...\` makes one`,
  );

export const noTrainingWindows = (dir: string, validation: number): PrepError =>
  new PrepError(
    'CORPUS_EMPTY',
    `${dir} has no training windows (all ${validation} are validation windows); lower \`validation\` and make it again`,
    { dir, validation },
  );

/** `file` lists the rejects, with their reasons. */
export const tooManyRejects = (
  rejected: number,
  records: number,
  share: number,
  first: string,
  file: string,
): PrepError =>
  new PrepError(
    'TOO_MANY_REJECTS',
    `${rejected} of ${records} records were rejected, more than the allowed share of ${share}; the first: ${first}. ` +
      `All are in ${file}; repair them, or raise --max-rejects (what is done is kept)`,
    { rejected, records, share, first, file },
  );

/** `pointer` is a JSON pointer into the tokenizer file. */
export const tokenizerInvalid = (file: string, pointer: string, problem: string): PrepError =>
  new PrepError(
    'TOKENIZER_INVALID',
    `${file}${pointer && `#${pointer}`}: ${problem}; give the tokenizer.json of a Hugging Face fast tokenizer`,
    { file, pointer },
  );

export const fingerprintMismatch = (place: string, field: string, found: string, expected: string): PrepError =>
  new PrepError(
    'FINGERPRINT_MISMATCH',
    `${place}: \`${field}\` is ${found}, but this plan was made with ${expected}; ` +
      'put it back, choose another --out, or start over with --overwrite',
    { place, field, found, expected },
  );

/** For `--overwrite`: `found` are words such as `of the format "x"`. */
export const notOurs = (path: string, found: string): PrepError =>
  new PrepError(
    'FINGERPRINT_MISMATCH',
    `${path} is ${found}: --overwrite removes nothing but an ultraprep corpus; choose another --out, or move that away`,
    { place: path, field: 'format', found, expected: 'ultraprep/1' },
  );

export const corpusNotFound = (dir: string): PrepError =>
  new PrepError('CORPUS_NOT_FOUND', `no packed corpus in ${dir}; make one with \`prep\` or \`prep pack FILES...\``, {
    dir,
  });

export const planNotFound = (dir: string): PrepError =>
  new PrepError('CORPUS_NOT_FOUND', `no plan in ${dir}; make one with \`prep plan\``, { dir });

export const corpusIncomplete = (dir: string, done: number, splits: number): PrepError =>
  new PrepError(
    'CORPUS_INCOMPLETE',
    `${dir} is not finished: ${done} of ${splits} splits are done; run the same \`prep\` command again to go on`,
    { dir, done, splits },
  );

export const corpusCorrupt = (file: string, place: string, problem: string): PrepError =>
  new PrepError(
    'CORPUS_CORRUPT',
    `${file}: ${place}: ${problem}; restore it from a copy, or make it again with \`prep\``,
    { file, place },
  );

/** A table of masks that is there under this name, and made otherwise. */
export const maskTableExists = (place: string, field: string, found: string, expected: string): PrepError =>
  new PrepError(
    'FINGERPRINT_MISMATCH',
    `${place}: \`${field}\` is to be ${found}, and that table was made with ${expected}; ask for the same, or remove this receipt first`,
    { place, field, found, expected },
  );

/** A mask policy that the tokens of a packed corpus do not allow. */
export const policyRefused = (dir: string, policy: string, problem: string, wayOut: string): PrepError =>
  new PrepError('POLICY_REFUSED', `${dir}: the policy ${policy} ${problem}; ${wayOut}`, { dir, policy });

/** Segments that no window can have. */
export const boundariesInvalid = (problem: string): PrepError =>
  new PrepError(
    'BOUNDARIES_INVALID',
    `no attention mask has these boundaries: ${problem}; if they are of a corpus, make it again with \`prep\``,
    { problem },
  );

/** `found` are words such as `an export of this corpus`. */
export const outputExists = (path: string, found: string, wayOut: string): PrepError =>
  new PrepError('OUTPUT_EXISTS', `${path} is ${found}; ${wayOut}`, { file: path, found });

export const noWindows = (dir: string, subset: string): PrepError =>
  new PrepError('CORPUS_EMPTY', `${dir} has no ${subset} windows; choose another --subset`, { dir, subset });

export const noisePassMissing = (dir: string, pass: number, have: number): PrepError =>
  new PrepError(
    'NOISE_PASS_MISSING',
    `${dir} has ${have} noise pass(es), number ${pass} is needed; run \`prep noise ${dir} --passes ${pass + 1}\``,
    { dir, pass, have },
  );

/** Settings of noise that the windows of a corpus do not allow. */
export const noiseImpossible = (dir: string, problem: string, wayOut: string): PrepError =>
  new PrepError('NOISE_IMPOSSIBLE', `${dir}: ${problem}; ${wayOut}`, { dir, problem });

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

export const ioFailed = (path: string, operation: string, cause: unknown): PrepError =>
  new PrepError(
    'IO_FAILED',
    `${path}: ${operation} failed: ${messageOf(cause)}; repair that and run again`,
    {
      file: path,
      operation,
    },
    cause,
  );

export const diskFull = (path: string, bytes: number): PrepError =>
  new PrepError(
    'DISK_FULL',
    `${path}: no space left while writing ${bytes} bytes; free some and run the same command again (what is committed is kept)`,
    { file: path, bytes },
  );

export const interrupted = (done: number, total: number, what = 'splits'): PrepError =>
  new PrepError(
    'INTERRUPTED',
    `stopped; ${done} of ${total} ${what} are committed. Run the same command again to go on`,
    {
      done,
      total,
    },
  );
