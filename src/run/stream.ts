import { Worker } from 'node:worker_threads';
import { fromErrorData, PrepError } from '../core/errors.ts';
import { canonicalJson, type Json } from '../core/fingerprint.ts';
import { commitFile } from '../io/commit.ts';
import { streamReceiptPath, type StreamReceipt } from '../shard/index.ts';
import { inputFile } from './inputs.ts';
import type { Plan } from './plan.ts';
import type { RangeHandle } from './range-port.ts';
import type { DoneRange, FromReader, ReaderData } from './reader.ts';
import { configOf } from './settings.ts';
import { threadFile } from './thread-file.ts';

/** A range that is ready to be packed. */
export interface Ready {
  readonly split: number;
  readonly range: RangeHandle;
}

export interface StreamEvents {
  /** A range can be had. */
  ready(): void;
  /** Bytes on disk are behind the reader. */
  progress(bytes: number): void;
  /** All of it is packed, and the receipt that says so committed. */
  done(): void;
  failed(error: unknown): void;
}

/** An input that is cut while it is read, at work: a thread reads it, and its ranges wait here for a worker. */
export class Stream {
  /** Number of its first split. */
  readonly first: number;
  readonly #ready: Ready[] = [];
  readonly #thread: Worker;
  readonly #events: StreamEvents;
  readonly #commit: (splits: number, sha256: string) => Promise<void>;
  #open = 0;
  #stopped = false;
  #end: { readonly splits: number; readonly sha256: string } | undefined;

  constructor(
    { plan, dir, root }: { plan: Plan; dir: string; root: string },
    place: { readonly entry: number; readonly first: number },
    done: readonly DoneRange[],
    budget: number,
    events: StreamEvents,
  ) {
    const { parts, slots = 1, stopAt = Infinity } = plan.splits[place.entry]!;
    const { input } = parts[0]!;
    const { split_bytes: splitBytes } = configOf(plan);
    this.first = place.first;
    this.#events = events;
    this.#commit = async (splits, sha256) => {
      const receipt: StreamReceipt = { plan: plan.id, split: this.first, splits, sha256 };
      const text = canonicalJson(receipt as unknown as Json);
      await commitFile(`${dir}/${streamReceiptPath(this.first)}`, `${text}\n`);
    };
    const file = inputFile(plan, input, root);
    const cut = { splitBytes, done, budget, stopAt };
    const workerData: ReaderData = { file, input, first: this.first, slots, ...cut };
    this.#thread = new Worker(threadFile('reader'), { workerData });
    this.#thread.on('message', (message: FromReader) => this.#hear(message));
    this.#thread.on('error', (error) => events.failed(error));
    this.#thread.on('exit', (code) => {
      if (!this.#end && !this.#stopped)
        events.failed(new PrepError('INTERNAL', `the thread that reads ${file.name} ended with status ${code}`));
    });
  }

  take(): Ready | undefined {
    return this.#ready.shift();
  }

  /** One of its ranges has its receipt. */
  packed(): void {
    this.#open--;
    this.#closeIfDone();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#thread.terminate();
  }

  #hear(message: FromReader): void {
    if (message.kind === 'progress') this.#events.progress(message.bytes);
    else if (message.kind === 'failed') this.#events.failed(fromErrorData(message.error) satisfies PrepError);
    else if (message.kind === 'end') {
      this.#end = message;
      this.#closeIfDone();
    } else {
      this.#open++;
      this.#ready.push(message);
      this.#events.ready();
    }
  }

  /** The last to be committed: before, a resumed run reads the input again. */
  #closeIfDone(): void {
    if (!this.#end || this.#open > 0) return;
    const { splits, sha256 } = this.#end;
    this.#commit(splits, sha256).then(
      () => this.#events.done(),
      (error: unknown) => this.#events.failed(error),
    );
  }
}
