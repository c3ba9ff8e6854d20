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
  get line(): string {
    const s = this.state;
    return [
      `${s.splitsDone}/${s.splits} splits`,
      `${bytes(s.bytes)} of ${bytes(s.bytesTotal)}`,
      `${integer(s.documents)} documents`,
      `${integer(s.tokens)} tokens`,
      `${(s.bytesPerSecond / 1e6).toFixed(1)} MB/s`,
      `${integer(s.tokensPerSecond)} tokens/s`,
      `${duration(s.secondsLeft)} left`,
    ].join(' · ');
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

export function makeDisplay(kind: 'terminal' | 'plain' | 'json', write: (line: string) => void): Display {
  if (kind === 'terminal') return terminalDisplay();
  return kind === 'json' ? jsonDisplay(write) : plainDisplay(write);
}

/** A line when something is done, and one every ten seconds: an hour of packing stays readable in a job's log. */
function plainDisplay(write: (line: string) => void): Display {
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
      pass: (pass) => write(`noise  pass ${pass}`),
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
function terminalDisplay(): Display {
  const meter = new Meter();
  const planned = deferred<string>();
  const merged = deferred<string>();
  const ended = deferred<string>();
  const all = [planned, merged, ended];
  let passes = 0;
  const stage = (title: string, promise: Promise<string>, output?: () => string) => ({
    title,
    task: async (_: unknown, task: { title: string; output: unknown }) => {
      const timer = output && setInterval(() => (task.output = output()), 200);
      try {
        task.title = `${title.padEnd(5)}  ${await promise}`;
      } finally {
        clearInterval(timer);
      }
    },
  });
  const list = new Listr(
    [
      stage('Plan', planned.promise),
      stage('Pack', merged.promise, () => meter.line),
      stage('Noise', ended.promise, () => count(passes, 'pass')),
    ],
    // Ctrl-C is ours: listr2's own handler would exit with 127 in the middle of a commit.
    { registerSignalListeners: false, rendererOptions: { collapseSubtasks: false } },
  );
  const shown = list.run().catch(() => {});
  return {
    events: {
      planned({ plan, model }, done) {
        meter.planned(plan, done);
        planned.resolve(`${planLine(plan, done)}${isForeign(model) ? ` · ${foreignLine(model.why)}` : ''}`);
      },
      progress: (delta) => meter.add(delta),
      splitDone: () => meter.splitDone(),
      merged: (manifest) => merged.resolve(`${mergedLine(manifest)} · ${meter.line.replace(/ · [^·]*left$/, '')}`),
      pass: () => passes++,
    },
    async finish(failed) {
      if (failed) for (const { reject } of all) reject(new Error('stopped'));
      else ended.resolve(count(passes, 'pass'));
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
