import { Listr } from 'listr2';
import type { Plan, Progress, RunEvents } from '../run/index.ts';
import type { Manifest } from '../shard/index.ts';
import { isForeign } from '../tokenize/index.ts';
import { bytes, count, duration, integer, safe } from './format.ts';

/** Shows a run: as a live list on a terminal, as plain lines in a pipe, as JSON lines with `--json`. */
export interface Display {
  readonly events: RunEvents;
  /** Ends the display with the run; to be awaited before anything else is printed. */
  finish(failed: boolean): Promise<void>;
}

/** How far packing is. Rates are of this run, not of what an earlier one left. */
class Meter {
  readonly #begun = Date.now();
  #plan: Plan | undefined;
  #splitsBefore = 0;
  #splits = 0;
  #sum = { bytes: 0, documents: 0, tokens: 0 };

  planned(plan: Plan, done: number): void {
    this.#plan = plan;
    this.#splitsBefore = done;
  }
  add(delta: Progress): void {
    for (const key of ['bytes', 'documents', 'tokens'] as const) this.#sum[key] += delta[key] ?? 0;
  }
  splitDone(): void {
    this.#splits++;
  }
  get state() {
    const seconds = Math.max((Date.now() - this.#begun) / 1000, 0.001);
    const splits = this.#plan?.splits ?? [];
    const size = splits.reduce((sum, split) => sum + split.bytes, 0);
    const { bytes: read, documents, tokens } = this.#sum;
    const share = size === 0 ? 1 : this.#splitsBefore / Math.max(1, splits.length);
    const left = Math.max(0, size * (1 - share) - read);
    return {
      splits: splits.length,
      splitsDone: this.#splitsBefore + this.#splits,
      bytes: read,
      bytesTotal: size,
      documents,
      tokens,
      bytesPerSecond: read / seconds,
      tokensPerSecond: tokens / seconds,
      secondsLeft: read === 0 ? Number.POSITIVE_INFINITY : (left / read) * seconds,
    };
  }
  /** Everything, for a log. */
  get line(): string {
    const s = this.state;
    if (this.#allDoneBefore) return `${count(s.splits, 'split')}, all done before`;
    return [
      `${s.splitsDone}/${s.splits} splits`,
      `${bytes(s.bytes)} of ${bytes(s.bytesTotal)}`,
      count(s.documents, 'document'),
      count(s.tokens, 'token'),
      ...this.#rates(s),
    ].join(' · ');
  }
  /** What fits into 80 columns. */
  get short(): string {
    const s = this.state;
    if (this.#allDoneBefore) return `${count(s.splits, 'split')}, all done before`;
    return [
      `${s.splitsDone}/${s.splits} splits`,
      `${bytes(s.bytes)} of ${bytes(s.bytesTotal)}`,
      ...this.#rates(s),
    ].join(' · ');
  }
  get done(): boolean {
    return this.#plan !== undefined && this.#splitsBefore + this.#splits === this.#plan.splits.length;
  }
  get #allDoneBefore(): boolean {
    return this.done && this.#splits === 0;
  }
  #rates(s: Meter['state']): string[] {
    const left = this.done ? [] : [`${duration(s.secondsLeft)} left`];
    return [`${(s.bytesPerSecond / 1e6).toFixed(1)} MB/s`, `${integer(s.tokensPerSecond)} tokens/s`, ...left];
  }
}

const planLine = (plan: Plan, done: number): string => {
  const size = plan.inputs.reduce((sum, input) => sum + input.size, 0);
  const resumed = done === 0 ? '' : `, ${done} already done`;
  return `plan ${plan.id.slice(0, 7)}: ${count(plan.inputs.length, 'file')}, ${bytes(size)}, ${count(plan.splits.length, 'split')}${resumed}`;
};
const foreignLine = (why: string): string =>
  `tokenizer: Hugging Face’s JavaScript library at about 1 MB/s a core, since ${safe(why)}`;
const mergedLine = (manifest: Manifest): string =>
  `${integer(manifest.windows.train)} training and ${integer(manifest.windows.validation)} validation windows of ${integer(manifest.windowLength)}`;

/** `passes` is how many passes of noise there are to be. */
export function makeDisplay(
  kind: 'terminal' | 'plain' | 'json',
  passes: number,
  write: (line: string) => void,
): Display {
  if (kind === 'terminal') return terminalDisplay(passes);
  return kind === 'json' ? jsonDisplay(write) : plainDisplay(passes, write);
}

/** A line when something is done, and one every ten seconds: an hour of packing stays readable in a job's log. */
function plainDisplay(passes: number, write: (line: string) => void): Display {
  const meter = new Meter();
  const timer = setInterval(() => write(`pack   ${meter.line}`), 10_000);
  return {
    events: {
      planned({ plan, model }, done) {
        meter.planned(plan, done);
        write(planLine(plan, done));
        if (isForeign(model)) write(foreignLine(model.why));
      },
      progress: (delta) => meter.add(delta),
      splitDone: () => meter.splitDone(),
      merged(manifest) {
        clearInterval(timer);
        write(`pack   ${meter.line}`);
        write(`merge  ${mergedLine(manifest)}`);
      },
      pass: (pass) => write(`noise  pass ${pass + 1} of ${passes}`),
    },
    finish: async () => clearInterval(timer),
  };
}

function jsonDisplay(write: (line: string) => void): Display {
  const meter = new Meter();
  const send = (event: string, data: object) => write(JSON.stringify({ event, ...data }));
  const timer = setInterval(() => send('progress', meter.state), 1000);
  return {
    events: {
      planned({ plan }, done) {
        meter.planned(plan, done);
        send('planned', { plan: plan.id, inputs: plan.inputs.length, splits: plan.splits.length, done });
      },
      progress: (delta) => meter.add(delta),
      splitDone(split) {
        meter.splitDone();
        send('split', { split });
      },
      merged(manifest) {
        clearInterval(timer);
        send('progress', meter.state);
        send('merged', { windows: manifest.windows, ledger: manifest.ledger });
      },
      pass: (pass) => send('pass', { pass }),
    },
    finish: async () => clearInterval(timer),
  };
}

/** listr2's live list: one line a stage, the running one with its figures below it. */
function terminalDisplay(totalPasses: number): Display {
  const meter = new Meter();
  const planned = deferred<string>();
  const packed = deferred<string>();
  const merged = deferred<string>();
  const noised = deferred<string>();
  let passes = 0;
  const stage = (title: string, promise: Promise<string>, output?: () => string) => ({
    title,
    task: async (_: unknown, task: { title: string; output: unknown }) => {
      const timer = output && setInterval(() => (task.output = output()), 200);
      try {
        task.title = `${title.padEnd(5)}  ${await promise}`;
      } catch (error) {
        task.title = `${title.padEnd(5)}  stopped`;
        throw error;
      } finally {
        clearInterval(timer);
      }
    },
  });
  const list = new Listr(
    [
      stage('Plan', planned.promise),
      stage('Pack', packed.promise, () => meter.short),
      stage('Merge', merged.promise),
      stage('Noise', noised.promise, () => `${passes} of ${count(totalPasses, 'pass')}`),
    ],
    // Ctrl-C is ours: listr2's own handler would exit with 127 in the middle of a commit.
    { registerSignalListeners: false, rendererOptions: { collapseSubtasks: false, showErrorMessage: false } },
  );
  // Drawn once there is a plan: what is refused before that is an error and no list.
  let shown: Promise<unknown> | undefined;
  const whenPacked = () => meter.done && packed.resolve(meter.short);
  return {
    events: {
      planned({ plan, model }, done) {
        meter.planned(plan, done);
        planned.resolve(`${planLine(plan, done)}${isForeign(model) ? ` · ${foreignLine(model.why)}` : ''}`);
        shown = list.run().catch(() => {});
        whenPacked();
      },
      progress: (delta) => meter.add(delta),
      splitDone() {
        meter.splitDone();
        whenPacked();
      },
      merged(manifest) {
        packed.resolve(meter.short);
        merged.resolve(mergedLine(manifest));
      },
      pass: () => passes++,
    },
    async finish(failed) {
      if (failed) for (const { reject } of [planned, packed, merged, noised]) reject(new Error('stopped'));
      else noised.resolve(`${passes} of ${count(totalPasses, 'pass')}`);
      await shown;
    },
  };
}

function deferred<T>() {
  let resolve: (value: T) => void = () => {};
  let reject: (error: Error) => void = () => {};
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  // Rejected before anybody waits for it: listr2 stops at the first task that fails.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
