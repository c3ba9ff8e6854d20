/** Codes of errors, the exit status that each leads to, and what is thrown. The messages are in errors.ts. */

/** Exit statuses of `prep` and `train` (the BSD sysexits that fit). */
export const EXIT = { ok: 0, failed: 1, usage: 64, data: 65, internal: 70, io: 74, retry: 75 } as const;

const EXIT_OF = {
  USAGE: EXIT.usage,
  CONFIG_NOT_FOUND: EXIT.usage,
  CONFIG_INVALID: EXIT.data,
  INPUT_NOT_FOUND: EXIT.data,
  INPUT_UNKNOWN_FORMAT: EXIT.data,
  INPUT_TRUNCATED: EXIT.data,
  INPUT_MALFORMED: EXIT.data,
  FILTER_FAILED: EXIT.data,
  INPUT_ROOT_UNKNOWN: EXIT.data,
  DECOMPRESSION_LIMIT: EXIT.data,
  CORPUS_EMPTY: EXIT.data,
  TOO_MANY_REJECTS: EXIT.data,
  TOKENIZER_INVALID: EXIT.data,
  TOKENIZER_TIMEOUT: EXIT.data,
  FINGERPRINT_MISMATCH: EXIT.data,
  CORPUS_NOT_FOUND: EXIT.data,
  CORPUS_INCOMPLETE: EXIT.retry,
  CORPUS_CORRUPT: EXIT.data,
  BOUNDARIES_INVALID: EXIT.data,
  POLICY_REFUSED: EXIT.data,
  OUTPUT_EXISTS: EXIT.data,
  NOISE_PASS_MISSING: EXIT.data,
  NOISE_IMPOSSIBLE: EXIT.data,
  CHECKPOINT_NOT_FOUND: EXIT.data,
  CHECKPOINT_INVALID: EXIT.data,
  CHECKPOINT_MISMATCH: EXIT.data,
  BACKEND_UNAVAILABLE: EXIT.retry,
  SETUP_FAILED: EXIT.retry,
  LOSS_NOT_FINITE: EXIT.failed,
  LOSS_EXPLODED: EXIT.failed,
  OUT_OF_MEMORY: EXIT.failed,
  IO_FAILED: EXIT.io,
  DISK_FULL: EXIT.io,
  INTERRUPTED: EXIT.retry,
  INTERNAL: EXIT.internal,
} as const;

export type ErrorCode = keyof typeof EXIT_OF;

/** Where and why: the machine-readable half of an error, printed by `--json`. */
export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | readonly string[]>>;

export class PrepError extends Error {
  readonly code: ErrorCode;
  readonly details: ErrorDetails;
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'PrepError';
    this.code = code;
    this.details = details;
  }
  get exitCode(): number {
    return EXIT_OF[this.code];
  }
}

export const isPrepError = (error: unknown): error is PrepError => error instanceof PrepError;

/** The text of anything thrown. */
export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** A PrepError as plain data, to cross a worker's message port and come back. */
export interface ErrorData {
  code: ErrorCode;
  message: string;
  details: ErrorDetails;
}
export const toErrorData = (error: unknown): ErrorData =>
  isPrepError(error)
    ? { code: error.code, message: error.message, details: error.details }
    : {
        code: 'INTERNAL',
        message: error instanceof Error ? (error.stack ?? error.message) : String(error),
        details: {},
      };
export const fromErrorData = (data: ErrorData): PrepError => new PrepError(data.code, data.message, data.details);
