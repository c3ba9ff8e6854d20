import { Worker } from 'node:worker_threads';
import { filterEnded, fromErrorData, interrupted, isPrepError, PrepError } from '../core/errors.ts';
import { Queue } from './queue.ts';
import { type Done, entriesLeft } from './receipts.ts';
import { configOf } from './settings.ts';
import type { Progress } from './split.ts';
import { threadFile } from './thread-file.ts';
import { newWatched, type Watched, watchdog } from './watchdog.ts';
import type { FromWorker, ToWorker, WorkerData } from './worker.ts';

export interface PoolEvents {
  progress(delta: Progress): void;
  /** A split has its receipt. */
  splitDone(split: number): void;
  /** All of an entry of the plan is done. */
  entryDone(entry: number): void;
}

/**
 * Packs what is left of a plan on `workers` threads, each taking the next split when it is done: nothing about a split
 * depends on who runs it. Rejects with the first error, or INTERRUPTED when `signal` fires; what is committed by then stays.
 */
export async function packLeft(
  data: Omit<WorkerData, 'watched'>,
  done: Done,
  workers: number,
  on: PoolEvents,
  signal: AbortSignal,
): Promise<void> {
  const entries = data.plan.splits.length;
  let left = entriesLeft(data.plan, done).length;
  if (left === 0) return;
  const threads = new Set<Worker>();
  const idle: Worker[] = [];
  const watched: Watched[] = [];
  let stopped = false;
  let settle: (error?: unknown) => void = () => {};
  const settled = new Promise<unknown>((resolve) => (settle = resolve));
  const queue = new Queue(data, done, workers, {
    changed: () => void pump(),
    progress: (bytes) => on.progress({ bytes }),
    failed: settle,
    entryDone(entry) {
      left--;
      on.entryDone(entry);
    },
  });
  let pumping: Promise<void> | undefined;
  let again = false;
  const endWatch = watchdog(watched, settle);
  const stop = () => settle(interrupted(entries - left, entries));
  signal.addEventListener('abort', stop);
  if (signal.aborted) stop();
  else void pump();
  const error = await settled;
  stopped = true;
  endWatch();
  signal.removeEventListener('abort', stop);
  // First who starts threads, which may be waiting for the disk: one that was started after the others were ended would keep
  // the process alive.
  await pumping?.catch(() => {});
  await Promise.all([...threads].map((thread) => thread.terminate()));
  await queue.close();
  if (error !== undefined) throw isPrepError(error) ? error : died(error);

  /** Gives the workers that have nothing to do what there is; one at a time, since taking asks the disk. */
  async function pump(): Promise<void> {
    again = true;
    if (pumping || stopped) return;
    pumping = (async () => {
      while (again) {
        again = false;
        while (idle.length > 0 || threads.size < workers) {
          const task = await queue.take();
          if (stopped) return;
          if (!task) break;
          const move = task.range ? [task.range.port] : [];
          (idle.pop() ?? start()).postMessage(task satisfies ToWorker, move);
        }
        if (queue.finished) settle();
      }
    })();
    await pumping.catch(settle);
    pumping = undefined;
    if (again && !stopped) void pump();
  }

  function start(): Worker {
    const watch = newWatched();
    watched.push(watch);
    const workerData: WorkerData = { ...data, watched: watch };
    const thread = new Worker(threadFile('worker'), {
      workerData,
      resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MB },
    });
    threads.add(thread);
    thread.on('message', (message: FromWorker) => {
      if (stopped) return;
      if (message.kind === 'progress') on.progress(message.delta);
      else if (message.kind === 'failed') settle(fromErrorData(message.error));
      else {
        on.splitDone(message.split);
        idle.push(thread);
        queue.packed(message.split).then(pump, settle);
      }
    });
    thread.on('error', settle);
    thread.on('exit', (code) => {
      if (stopped) return;
      const filter = configOf(data.plan).filter === null ? null : data.filter;
      settle(filter === null ? died(`exit status ${code}`) : filterEnded(filter, code));
    });
    return thread;
  }
}

/**
 * V8 lets a thread gather 48 MiB of short-lived objects, which documents of one line are, before it looks for dead ones: with
 * 4 two workers took 610 MiB for 688, in the same time.
 */
const YOUNG_MB = 4;

const died = (error: unknown): PrepError => new PrepError('INTERNAL', `a worker died: ${String(error)}`, {}, error);
