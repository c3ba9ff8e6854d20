import { diskFull, ioFailed, isPrepError, type PrepError } from '../core/errors.ts';

/** A full disk and a full quota: freeing space helps, repairing something does not. */
const FULL = new Set(['ENOSPC', 'EDQUOT']);

/** The `code` of a system error, such as `ENOENT`. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;

/** Anything the file system threw, as a PrepError; one that is coded already passes unchanged. */
export function failure(path: string, operation: string, error: unknown, bytes = 0): PrepError {
  if (isPrepError(error)) return error;
  return FULL.has(codeOf(error) ?? '') ? diskFull(path, bytes) : ioFailed(path, operation, error);
}

/** Runs one file system call and codes its error. */
export async function coded<T>(path: string, operation: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    throw failure(path, operation, error);
  }
}
