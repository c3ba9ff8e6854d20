import { type Claims, claimsIn } from '../io/claims.ts';
import { exists } from '../io/files.ts';
import { firstNumbers, lastReceipt } from '../shard/index.ts';
import type { Plan } from './plan.ts';
import type { RangeHandle } from './range-port.ts';
import { type Done, entriesLeft, whatIsDone } from './receipts.ts';
import { configOf } from './settings.ts';
import { Stream } from './stream.ts';

/** A split to be packed; `range` where it is one of an input that is cut while it is read. */
export interface Task {
  readonly split: number;
  readonly range?: RangeHandle;
}

export interface QueueEvents {
  /** There may be something to take now. */
  changed(): void;
  /** Bytes on disk that a reader has read. */
  progress(bytes: number): void;
  /** An entry of the plan is done, here or by another process. */
  entryDone(entry: number): void;
  failed(error: unknown): void;
}

/** Room for the ranges of one input on their way, when others are being read as well. */
const SECOND_BUDGET = 16 * 1024 * 1024;
const MOST_BUDGET = 256 * 1024 * 1024;
/** How often it is looked whether others are done with what is theirs. */
const POLL_MS = 250;

/**
 * What is left of a plan, in its order: ranges of inputs that are being read first, then whole splits, then the next such input.
 * What another process has claimed is left to it, unless nothing else is left and it does not come to an end.
 */
export class Queue {
  readonly #place: { readonly plan: Plan; readonly dir: string; readonly root: string };
  readonly #done: Done;
  readonly #workers: number;
  readonly #events: QueueEvents;
  readonly #claims: Claims;
  readonly #first: readonly number[];
  readonly #entryOfSplit = new Map<number, number>();
  readonly #streams = new Map<number, Stream>();
  /** Entries, in their order. */
  readonly #left: Set<number>;
  #taken = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(place: { plan: Plan; dir: string; root: string }, done: Done, workers: number, events: QueueEvents) {
    this.#place = place;
    this.#done = done;
    this.#workers = workers;
    this.#events = events;
    this.#left = new Set(entriesLeft(place.plan, done));
    this.#first = firstNumbers(place.plan.splits);
    this.#claims = claimsIn(`${place.dir}/claims`);
  }

  /** Nothing is left, and nothing at work. */
  get finished(): boolean {
    return this.#left.size === 0 && this.#streams.size === 0 && this.#taken === 0;
  }

  /** The next split; undefined when there is none now. Not to be called again before it has answered. */
  async take(): Promise<Task | undefined> {
    for (const [entry, stream] of this.#streams) {
      const ready = stream.take();
      if (ready) return this.#give(ready, entry);
    }
    const others = this.#left.size > 0 ? await this.#claims.others() : new Set<string>();
    let theirs = false;
    for (const entry of this.#left) {
      const cutWhileRead = this.#place.plan.splits[entry]!.slots !== undefined;
      // First: an input that has to wait is not worth a look at the disk with each split.
      if (cutWhileRead && this.#streams.size >= this.#workers) continue;
      if (await this.#doneElsewhere(entry)) {
        this.#left.delete(entry);
        this.#events.entryDone(entry);
        continue;
      }
      const first = this.#first[entry]!;
      if (others.has(String(first)) || !(await this.#claims.take(String(first)))) {
        theirs = true;
        continue;
      }
      this.#left.delete(entry);
      if (!cutWhileRead) return this.#give({ split: first }, entry);
      await this.#read(entry, first);
      return undefined;
    }
    if (theirs) this.#timer ??= setTimeout(() => this.#look(), POLL_MS);
    return undefined;
  }

  /** A split that was taken has its receipt. */
  async packed(split: number): Promise<void> {
    const entry = this.#entryOfSplit.get(split)!;
    this.#entryOfSplit.delete(split);
    this.#taken--;
    const stream = this.#streams.get(entry);
    if (stream) return stream.packed();
    await this.#claims.release(String(this.#first[entry]));
    this.#events.entryDone(entry);
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await Promise.all([...this.#streams.values()].map((stream) => stream.stop()));
    await this.#claims.close();
  }

  #look(): void {
    this.#timer = undefined;
    this.#events.changed();
  }

  #give(task: Task, entry: number): Task {
    this.#entryOfSplit.set(task.split, entry);
    this.#taken++;
    return task;
  }

  async #doneElsewhere(entry: number): Promise<boolean> {
    const { dir, plan } = this.#place;
    const path = lastReceipt(plan.splits[entry]!, this.#first[entry]!);
    // One that was there when it was looked what is done is of files that are gone.
    return !this.#done.seen.has(path) && (await exists(`${dir}/${path}`));
  }

  async #read(entry: number, first: number): Promise<void> {
    const { plan, dir } = this.#place;
    const { split_bytes: splitBytes } = configOf(plan);
    // Half of the workers' ranges on average: while one is read from disk, those before it are being taken.
    const whole = Math.min(MOST_BUDGET, Math.max(SECOND_BUDGET, ((this.#workers + 1) / 2) * splitBytes));
    const budget = this.#streams.size === 0 ? whole : SECOND_BUDGET;
    // Looked at again: whoever had claimed it before may have done much of it since this run began.
    const { splits } = await whatIsDone(plan, dir, false, entry);
    const done = [...splits.values()].map(({ split, read }) => ({ ...read[0]!, split }));
    const stream = new Stream(this.#place, { entry, first }, done, budget, {
      ready: () => this.#events.changed(),
      progress: (bytes) => this.#events.progress(bytes),
      failed: (error) => this.#events.failed(error),
      done: () => void this.#readToEnd(entry),
    });
    this.#streams.set(entry, stream);
  }

  async #readToEnd(entry: number): Promise<void> {
    await this.#streams.get(entry)?.stop();
    this.#streams.delete(entry);
    await this.#claims.release(String(this.#first[entry]));
    this.#events.entryDone(entry);
    this.#events.changed();
  }
}
