import { Worker } from 'node:worker_threads';
import { deferred } from '../core/deferred.ts';
import { fromErrorData, PrepError } from '../core/errors.ts';
import { type Corpus, firstNumbers } from '../shard/index.ts';
import { openTokenizer } from '../tokenize/index.ts';
import { type DeepOptions, tokensAgain } from './deep.ts';
import { loadModel } from './model-cache.ts';
import type { Plan } from './plan.ts';
import { entryOf } from './receipts.ts';
import { settingsOf } from './settings.ts';
import { threadFile } from './thread-file.ts';
import { checkSplit, type SplitCheck } from './verify-split.ts';
import type { FromVerifier, VerifierData } from './verify-worker.ts';
import { newWatched, type Watched, watchdog } from './watchdog.ts';

export interface Setup {
  readonly dir: string;
  readonly consistent: boolean;
  readonly deep: DeepOptions | null;
}

/**
 * Checks every split but that of the tails, on `threads` threads; results come in the order of the splits. With `deep` never on
 * this one: a pattern from a tokenizer's file needs somebody who can stop it.
 */
export async function* checkAll(
  corpus: Corpus,
  plan: Plan | undefined,
  setup: Setup,
  threads: number,
  onWindows: (windows: number) => void,
): AsyncGenerator<SplitCheck> {
  const groups = groupsOf(corpus, plan, setup);
  if (threads <= 1 && !setup.deep) {
    for (const group of groups) yield* checkGroup(corpus, plan, setup, group, onWindows);
    return;
  }
  const results = new Map(groups.flat().map((place) => [place, deferred<SplitCheck>()]));
  const workers: Worker[] = [];
  const watched: Watched[] = [];
  let stopped = false;
  let next = 0;
  const feed = (worker: Worker) => {
    const group = groups[next++];
    if (group) worker.postMessage(group);
  };
  const fail = (error: Error) => results.forEach(({ reject }) => reject(error));
  const endWatch = watchdog(watched, fail);
  try {
    for (let i = 0; i < Math.min(Math.max(threads, 1), groups.length); i++) {
      const watch = newWatched();
      watched.push(watch);
      const workerData: VerifierData = { ...setup, watched: watch };
      const worker = new Worker(threadFile('verify-worker'), { workerData });
      workers.push(worker);
      worker.on('message', (message: FromVerifier) => {
        if (message.kind === 'windows') return onWindows(message.windows);
        if (message.kind === 'failed') return fail(fromErrorData(message.error));
        if (message.kind === 'idle') return feed(worker);
        results.get(message.index)!.resolve(message.check);
      });
      const died = (cause: unknown) => fail(new PrepError('INTERNAL', `a thread died: ${String(cause)}`, {}, cause));
      worker.on('error', died);
      worker.on('exit', (code) => stopped || died(`exit status ${code}`));
      feed(worker);
    }
    for (const [place, { promise }] of results) {
      const check = await promise;
      results.delete(place);
      yield check;
    }
  } finally {
    stopped = true;
    endWatch();
    await Promise.all(workers.map((worker) => worker.terminate()));
  }
}

/** Splits that are checked together, by their places in the manifest: with `deep`, those of an input that is read once. */
function groupsOf({ manifest }: Corpus, plan: Plan | undefined, { deep }: Setup): number[][] {
  const places = manifest.splits.slice(0, -1).map((_, i) => i);
  if (!deep || !plan) return places.map((i) => [i]);
  const first = firstNumbers(plan.splits);
  const groups = new Map<number, number[]>();
  for (const i of places) {
    const entry = entryOf(first, manifest.splits[i]!.split);
    groups.set(entry, [...(groups.get(entry) ?? []), i]);
  }
  return [...groups.values()];
}

/** Checks some splits of one entry of the plan, one after the other. */
export async function* checkGroup(
  corpus: Corpus,
  plan: Plan | undefined,
  { dir, consistent, deep }: Setup,
  group: readonly number[],
  onWindows: (windows: number) => void,
  watch: (bytes: number) => void = () => {},
): AsyncGenerator<SplitCheck> {
  const first = corpus.manifest.splits[group[0]!]!.split;
  const again = deep && plan ? await openAgain(plan, dir, deep, first, watch) : undefined;
  for (const index of group) {
    const of = (await again?.next())?.value;
    yield await checkSplit({ corpus, plan, consistent, index, onWindows, ...(of && { again: of }) });
  }
}

async function openAgain(plan: Plan, dir: string, deep: DeepOptions, split: number, watch: (bytes: number) => void) {
  const { model } = await loadModel(`${dir}/tokenizer.json`);
  const entry = entryOf(firstNumbers(plan.splits), split);
  return tokensAgain(plan, entry, split, openTokenizer(model, settingsOf(plan).encode, watch), deep);
}
