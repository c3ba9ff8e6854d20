/**
 * Every error a user can cause, in one place: one factory each, which writes the message. A message names the offender, the
 * place in it, and ends with the way out. Tests compare codes, not texts.
 */
import { messageOf, PrepError } from './prep-error.ts';

export * from './prep-error.ts';
export * from './training-errors.ts';

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

/** What helps where most documents are dropped for a reason; a filter's own are not here. */
const LET_IN: Readonly<Record<string, string>> = {
  'longer-than-window': 'use --long-documents split or a larger --window',
  'short-document': 'lower --min-segment',
  'too-few-tokens': 'lower --min-tokens',
  'too-many-tokens': 'raise --max-tokens',
  'not-drawn': 'raise the `epochs` of a source',
  'over-budget': 'raise the budget (`tokens`) of a source',
  'no-tokens': 'check the files and --field',
};

/** `dropped` counts documents by reason, and `tokens` theirs; `again` is what there is to do besides in a folder with this plan. */
export const allDropped = (
  documents: number,
  dropped: Readonly<Record<string, number>>,
  windowLength: number,
  tokens: Readonly<Record<string, number>>,
  again = ', and start over with --overwrite',
): PrepError => {
  const reasons = Object.entries(dropped).sort(([, a], [, b]) => b - a);
  const told = reasons.map(([reason, n]) => `${n} ${reason}`);
  const [most = '', count = 0] = reasons[0] ?? [];
  // A share of none is none: those it drops are all long, or all short.
  const lacking = (tokens[most] ?? 0) > windowLength * count ? 'short' : 'long';
  const wayOut =
    most === 'long-share'
      ? `no share can be kept without ${lacking} documents: ${lacking === 'short' ? 'lower or ' : ''}leave out --long-share, or add ${lacking} documents`
      : (LET_IN[most] ?? 'change the rules that drop them');
  return new PrepError(
    'CORPUS_EMPTY',
    `no window to write: all ${documents} documents are dropped (${told.join(', ')}; a window has ${windowLength} tokens); ${wayOut}${again}`,
    { documents, dropped: told, windowLength },
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

/** `more` members differ besides. */
export const fingerprintMismatch = (
  place: string,
  field: string,
  found: string,
  expected: string,
  more = 0,
): PrepError =>
  new PrepError(
    'FINGERPRINT_MISMATCH',
    `${place}: \`${field}\` is ${found}, but this plan was made with ${expected}` +
      (more > 0 ? ` (and ${more} more that ${more === 1 ? 'differs' : 'differ'})` : '') +
      '; put it back, choose another --out, or start over with --overwrite',
    { place, field, found, expected, ...(more > 0 && { more }) },
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
    done === splits
      ? `${dir} is not finished: it is packed (${done} of ${splits} splits), but not merged; run \`prep merge ${dir}\``
      : `${dir} is not finished: ${done} of ${splits} splits are done; run the same \`prep\` command again to go on, ` +
          `or \`prep pack ${dir}\` and then \`prep merge ${dir}\``,
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

/** `length`: the tokens asked for; null: any. */
export const noHeldOutText = (dir: string, length: number | null, longest: number): PrepError =>
  new PrepError(
    'CORPUS_EMPTY',
    longest === 0
      ? `${dir} has no held-out windows; pack it with --validation 1%, or name another --corpus`
      : length === null
        ? `${dir} has nothing in its held-out windows that may be masked; name another --corpus`
        : `${dir} has no held-out document of ${length} tokens (the longest has ${longest}); give smaller --lengths, or a --corpus of longer windows`,
    { dir, length, longest },
  );

export const noisePassMissing = (dir: string, pass: number, have: number): PrepError =>
  new PrepError(
    'NOISE_PASS_MISSING',
    `${dir} has ${have} noise pass(es), number ${pass} is needed; run \`prep noise ${dir} --passes ${pass + 1}\``,
    { dir, pass, have },
  );

/** Settings of noise that the windows of a corpus do not allow. */
export const noiseImpossible = (dir: string, problem: string, wayOut: string): PrepError =>
  new PrepError('NOISE_IMPOSSIBLE', `${dir}: ${problem}; ${wayOut}`, { dir, problem });

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
