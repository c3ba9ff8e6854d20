import { type PrepError, tokenizerTimeout } from '../core/errors.ts';

/** What a thread shows of the text that a foreign tokenizer is at: [its bytes, time in ms it began]. Shared memory. */
export type Watched = Float64Array;

export const newWatched = (): Watched => new Float64Array(new SharedArrayBuffer(16));

/** What a thread's tokenizer tells before and after each text. */
export const watchInto =
  (watched: Watched) =>
  (bytes: number): void => {
    watched[1] = Date.now();
    watched[0] = bytes;
  };

/** The library does about 1 MB/s; a pattern gone exponential does not finish in a lifetime. */
const LIMIT_SECONDS = 20;
const SECONDS_PER_MIB = 10;

/**
 * Looks each second for a text that has been with a foreign tokenizer for too long, on the thread that can end the one it
 * is on: TOKENIZER_TIMEOUT. Threads may be added to `threads`. Returns what ends the watch.
 */
export function watchdog(threads: readonly Watched[], late: (error: PrepError) => void): () => void {
  const timer = setInterval(() => {
    const found = threads.map(overdue).find((one) => one !== undefined);
    if (found) late(tokenizerTimeout('Hugging Face’s JavaScript library', found.seconds, found.bytes));
  }, 1000);
  return () => clearInterval(timer);
}

function overdue([bytes, begun]: Watched): { bytes: number; seconds: number } | undefined {
  if (!bytes || !begun) return undefined;
  const seconds = LIMIT_SECONDS + Math.ceil(bytes / 2 ** 20) * SECONDS_PER_MIB;
  return Date.now() - begun > seconds * 1000 ? { bytes, seconds } : undefined;
}
