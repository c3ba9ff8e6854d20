import { deferred } from '../core/deferred.ts';
import { Listr } from 'listr2';
import { type Plan, type Progress, type RunEvents, type Warning, warningsOf } from '../run/index.ts';
import type { Manifest } from '../shard/index.ts';
import { bytes, count, duration, integer, safe } from './format.ts';

/** Shows a run: as a live list on a terminal, as plain lines in a pipe, as JSON lines with `--json`. */
export interface Display {
  readonly events: RunEvents;
  /** Ends the display with the run; to be awaited before anything else is printed. */
  finish(failed: boolean): Promise<void>;
}

/** How far packing is. Rates are of this run, not of what an earlier one left. */
class Meter {
  /** Documents are looked at before they are packed where it takes all of them to say which are there. */
  what: 'survey' | 'pack' = 'pack';
  #begun = Date.now();
  #plan: Plan | undefined;
  #left: readonly number[] = [];
  #entries = 0;
  #splits = 0;
  #sum = { bytes: 0, documents: 0, tokens: 0 };

  planned(plan: Plan, left: readonly number[]): void {
    this.#plan = plan;
    this.#left = left;
  }
  begin(what: 'survey' | 'pack', left: readonly number[]): void {
    this.what = what;
    this.#left = left;
    this.#begun = Date.now();
    this.#entries = 0;
    this.#splits = 0;
    this.#sum = { bytes: 0, documents: 0, tokens: 0 };
  }
  add(delta: Progress): void {
    for (const key of ['bytes', 'documents', 'tokens'] as const) this.#sum[key] += delta[key] ?? 0;
  }
  splitDone(): void {
    this.#splits++;
  }
  entryDone(): void {
    this.#entries++;
  }
  get state() {
    const seconds = Math.max((Date.now() - this.#begun) / 1000, 0.001);
    const entries = this.#plan?.splits ?? [];
    const bytesTotal = entries.reduce((sum, entry) => sum + entry.bytes, 0);
    const bytesLeft = this.#left.reduce((sum, i) => sum + entries[i]!.bytes, 0);
    const { bytes: read, documents, tokens } = this.#sum;
    const left = Math.max(0, bytesLeft - read);
    return {
      splits: entries.length,
      splitsDone: entries.length - this.#left.length + this.#entries,
      bytes: read,
      bytesTotal,
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
      this.#progress(s),
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
    return [this.#progress(s), `${bytes(s.bytes)} of ${bytes(s.bytesTotal)}`, ...this.#rates(s)].join(' · ');
  }
  get #allDoneBefore(): boolean {
    return this.#plan !== undefined && this.#left.length === 0;
  }
  /** What an input that is cut while it is read becomes is known in the end only. */
  #progress(s: Meter['state']): string {
    const cutWhileRead = this.#plan?.splits.some(({ slots }) => slots !== undefined);
    return cutWhileRead ? count(this.#splits, 'split') : `${s.splitsDone}/${s.splits} splits`;
  }
  #rates(s: Meter['state']): string[] {
    const left = this.#entries === this.#left.length ? [] : [`${duration(s.secondsLeft)} left`];
    return [`${(s.bytesPerSecond / 1e6).toFixed(1)} MB/s`, `${integer(s.tokensPerSecond)} tokens/s`, ...left];
  }
}

/** `done` of its entries are. */
export const planLine = (plan: Plan, done: number): string => {
  const size = plan.inputs.reduce((sum, input) => sum + input.size, 0);
  const resumed = done === 0 ? '' : `, ${done} already done`;
  return `plan ${plan.id.slice(0, 7)}: ${count(plan.inputs.length, 'file')}, ${bytes(size)}, ${entriesText(plan)}${resumed}`;
};
/** How many splits an input becomes that is cut while it is read is known in the end only. */
function entriesText({ splits }: Plan): string {
  const open = splits.filter(({ slots }) => slots !== undefined).length;
  const closed = open < splits.length ? [count(splits.length - open, 'split')] : [];
  return [...closed, ...(open > 0 ? [`${count(open, 'file')} to be cut while read`] : [])].join(' and ');
}
/** What there is to say of a plan before it is run. */
export const warningLines = (plan: Plan): string[] => warningsOf(plan).map((warning) => warningText(warning, false));
export const warningText = (warning: Warning, json: boolean): string =>
  json ? JSON.stringify({ event: 'warning', ...warning }) : `warning: ${safe(warning.message)}`;
const foreignLine = (why: string): string =>
  `tokenizer: Hugging Face’s JavaScript library at about 1 MB/s a core, since ${safe(why)}`;
const mergedLine = (manifest: Manifest): string =>
  `${integer(manifest.windows.train)} training and ${integer(manifest.windows.validation)} validation windows of ${integer(manifest.windowLength)}`;

/** What a command does of a run, in order. */
export type StageName = 'Plan' | 'Survey' | 'Pack' | 'Merge' | 'Noise';

export function makeDisplay(
  kind: 'terminal' | 'plain' | 'json',
  stages: readonly StageName[],
  write: (line: string) => void,
): Display {
  if (kind === 'terminal') return terminalDisplay(stages);
  return kind === 'json' ? jsonDisplay(write) : plainDisplay(write);
}

/** A line when something is done, and one every ten seconds: an hour of packing stays readable in a job's log. */
function plainDisplay(write: (line: string) => void): Display {
  const meter = new Meter();
  let total = 0;
  const show = () => write(`${meter.what.padEnd(6)} ${meter.line}`);
  const timer = setInterval(show, 10_000);
  return {
    events: {
      planned(plan, left, foreign) {
        meter.planned(plan, left);
        write(planLine(plan, plan.splits.length - left.length));
        for (const line of warningLines(plan)) write(line);
        if (foreign !== null) write(foreignLine(foreign));
      },
      surveying: (left) => meter.begin('survey', left),
      packing(left) {
        if (meter.what === 'survey') show();
        meter.begin('pack', left);
      },
      progress: (delta) => meter.add(delta),
      splitDone: () => meter.splitDone(),
      entryDone: () => meter.entryDone(),
      packed() {
        clearInterval(timer);
        show();
      },
      merged(manifest, passes) {
        clearInterval(timer);
        total = passes;
        write(`merge  ${mergedLine(manifest)}`);
      },
      pass: (pass) => write(`noise  pass ${pass + 1} of ${total}`),
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
      planned(plan, left) {
        meter.planned(plan, left);
        const splits = plan.splits.length;
        send('planned', { plan: plan.id, inputs: plan.inputs.length, splits, done: splits - left.length });
        for (const warning of warningsOf(plan)) send('warning', warning);
      },
      surveying(left) {
        meter.begin('survey', left);
        send('survey', { left: left.length });
      },
      packing(left) {
        meter.begin('pack', left);
        send('pack', { left: left.length });
      },
      progress: (delta) => meter.add(delta),
      splitDone(split) {
        meter.splitDone();
        send('split', { split });
      },
      entryDone: () => meter.entryDone(),
      packed() {
        clearInterval(timer);
        send('progress', meter.state);
      },
      merged(manifest) {
        clearInterval(timer);
        send('merged', { windows: manifest.windows, ledger: manifest.ledger });
      },
      pass: (pass) => send('pass', { pass }),
    },
    finish: async () => clearInterval(timer),
  };
}

/** listr2's live list: one line a stage, the running one with its figures below it. */
function terminalDisplay(stages: readonly StageName[]): Display {
  const meter = new Meter();
  const planned = deferred<string>();
  const packed = deferred<string>();
  const merged = deferred<string>();
  const noised = deferred<string>();
  let [passes, totalPasses] = [0, 0];
  const stage = (title: StageName, promise: Promise<string>, output?: () => string) => ({
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
      stage('Survey', packed.promise, () => meter.short),
      stage('Pack', packed.promise, () => `${meter.what === 'survey' ? 'survey: ' : ''}${meter.short}`),
      stage('Merge', merged.promise),
      stage('Noise', noised.promise, () => `${passes} of ${count(totalPasses, 'pass')}`),
    ].filter(({ title }) => stages.includes(title)),
    // Ctrl-C is ours: listr2's own handler would exit with 127 in the middle of a commit.
    { registerSignalListeners: false, rendererOptions: { collapseSubtasks: false, showErrorMessage: false } },
  );
  // Drawn once there is a plan: what is refused before that is an error and no list.
  let shown: Promise<unknown> | undefined;
  return {
    events: {
      planned(plan, left, foreign) {
        meter.planned(plan, left);
        const lines = [planLine(plan, plan.splits.length - left.length), ...warningLines(plan)];
        planned.resolve([...lines, ...(foreign === null ? [] : [foreignLine(foreign)])].join(' · '));
        shown = list.run().catch(() => {});
      },
      surveying: (left) => meter.begin('survey', left),
      packing: (left) => meter.begin('pack', left),
      progress: (delta) => meter.add(delta),
      splitDone: () => meter.splitDone(),
      entryDone: () => meter.entryDone(),
      packed: () => packed.resolve(meter.short),
      merged(manifest, number) {
        totalPasses = number;
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
