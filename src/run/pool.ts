import { Worker } from 'node:worker_threads';
import { fromErrorData, interrupted, PrepError, tokenizerTimeout } from '../core/errors.ts';
import type { Progress } from './split.ts';
import type { FromWorker, ToWorker, WorkerData } from './worker.ts';

/**
 * Runs splits on `workers` threads, each taking the next one when it is done: nothing about a split depends on who runs
 * it. Rejects with the first error, or INTERRUPTED when `signal` fires; what is committed by then stays.
 */
export function runSplits(
  splits: readonly number[],
  workers: number,
  data: Omit<WorkerData, 'watched'>,
  on: { progress(split: number, delta: Progress): void; done(split: number): void },
  signal: AbortSignal,
): Promise<void> {
  const total = data.plan.splits.length;
  let next = 0;
  let finished = 0;
  return new Promise((resolve, reject) => {
    const threads: Worker[] = [];
    const watched: Float64Array[] = [];
    const watchdog = setInterval(() => {
      const late = watched.map(overdue).find((found) => found !== undefined);
      if (late) settle(tokenizerTimeout('Hugging Face’s JavaScript library', late.seconds, late.bytes));
    }, 1000);
    const settle = (error?: PrepError) => {
      clearInterval(watchdog);
      signal.removeEventListener('abort', stop);
      Promise.all(threads.map((thread) => thread.terminate())).then(() => (error ? reject(error) : resolve()), reject);
    };
    const stop = () => settle(interrupted(total - splits.length + finished, total));
    if (splits.length === 0) return settle();
    if (signal.aborted) return stop();
    signal.addEventListener('abort', stop);
    const feed = (thread: Worker) => {
      const split = splits[next++];
      if (split !== undefined) thread.postMessage({ split } satisfies ToWorker);
    };
    for (let i = 0; i < Math.min(workers, splits.length); i++) {
      const watch = new Float64Array(new SharedArrayBuffer(16));
      watched.push(watch);
      const thread = new Worker(workerFile(), { workerData: { ...data, watched: watch } satisfies WorkerData });
      threads.push(thread);
      thread.on('message', (message: FromWorker) => {
        if (message.kind === 'progress') on.progress(message.split, message.delta);
        else if (message.kind === 'failed') settle(fromErrorData(message.error));
        else {
          on.done(message.split);
          finished++;
          if (finished === splits.length) settle();
          else feed(thread);
        }
      });
      thread.on('error', (error) => settle(new PrepError('INTERNAL', `a worker died: ${String(error)}`, {}, error)));
      feed(thread);
    }
  });
}

/** The library does about 1 MB/s; a pattern gone exponential does not finish in a lifetime. */
const LIMIT_SECONDS = 20;
const SECONDS_PER_MIB = 10;

/** A text that has been with a foreign tokenizer for too long. */
function overdue([bytes, begun]: Float64Array): { bytes: number; seconds: number } | undefined {
  if (!bytes || !begun) return undefined;
  const seconds = LIMIT_SECONDS + Math.ceil(bytes / 2 ** 20) * SECONDS_PER_MIB;
  return Date.now() - begun > seconds * 1000 ? { bytes, seconds } : undefined;
}

/** Node 20 cannot load TypeScript: from sources (tests) the compiled worker is used. */
const workerFile = (): URL =>
  new URL(import.meta.url.endsWith('.ts') ? '../../dist/run/worker.js' : './worker.js', import.meta.url);
