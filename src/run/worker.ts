/** A worker thread: loads the tokenizer once, then runs the splits it is handed, one after the other. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ErrorData, toErrorData } from '../core/errors.ts';
import { Slab } from '../core/slab.ts';
import { withOverflow } from '../io/overflow.ts';
import { type ForeignModel, type Model, openTokenizer, type Tokenizer } from '../tokenize/index.ts';
import { looksAcross } from '../mix/index.ts';
import { openDecision } from './decide.ts';
import { filterOf } from './filter.ts';
import type { Plan } from './plan.ts';
import type { Task } from './queue.ts';
import { receiveRange } from './range-port.ts';
import { readReceipt } from './receipts.ts';
import { settingsOf } from './settings.ts';
import { type Progress, runSplit } from './split.ts';
import { surveyFolder } from './survey.ts';
import { surveySplit } from './survey-split.ts';
import type { Reading } from './token-runs.ts';
import { type Watched, watchInto } from './watchdog.ts';

export interface WorkerData {
  readonly plan: Plan;
  readonly dir: string;
  readonly root: string;
  /** Absolute path of the user's filter module. */
  readonly filter: string | null;
  /** To look at documents, before it is decided which are there, with or without their tokens; or to pack them. */
  readonly pass: 'survey' | 'hashes' | 'pack';
  /** Its image is shared memory: nothing is parsed or copied but into the kernel. */
  readonly model: Model | ForeignModel;
  readonly watched: Watched;
}
export type ToWorker = Task;
export type FromWorker =
  | { readonly kind: 'progress'; readonly split: number; readonly delta: Progress }
  | { readonly kind: 'done'; readonly split: number }
  | { readonly kind: 'failed'; readonly split: number; readonly error: ErrorData };

/** The main thread draws at most this often; more messages would only cost it time. */
const REPORT_MS = 100;

function work(
  port: NonNullable<typeof parentPort>,
  { plan, dir, root, filter, pass, model, watched }: WorkerData,
): void {
  const { encode, mixture } = settingsOf(plan);
  let loaded: Tokenizer | undefined;
  const texts = new Slab((length) => new Uint8Array(length));
  let judge: ReturnType<typeof filterOf> | undefined;
  let decided: ReturnType<typeof openDecision> | undefined;
  const send = (message: FromWorker) => port.postMessage(message);
  port.on('message', ({ split, range }: ToWorker) => {
    let sum: Required<Progress> = { bytes: 0, documents: 0, tokens: 0, windows: 0 };
    let sent = Date.now();
    const report = () => {
      send({ kind: 'progress', split, delta: sum });
      sum = { bytes: 0, documents: 0, tokens: 0, windows: 0 };
      sent = Date.now();
    };
    const onProgress = (delta: Progress) => {
      for (const key of ['bytes', 'documents', 'tokens', 'windows'] as const) sum[key] += delta[key] ?? 0;
      if (Date.now() - sent >= REPORT_MS) report();
    };
    const run = async () => {
      loaded ??= openTokenizer(model, encode, watchInto(watched));
      judge ??= filterOf(plan, filter);
      if (pass === 'pack' && looksAcross(mixture)) decided ??= openDecision(plan, dir);
      const reading: Reading = {
        root,
        tokenizer: loaded,
        texts,
        filter: (await judge)?.() ?? null,
        range: range ? receiveRange(range) : null,
        verdicts: decided ? await (await decided)(split) : null,
        surveyed: decided ? ((await readReceipt(plan, surveyFolder(dir), split))?.read ?? []) : [],
      };
      await withOverflow(dir, async (overflow) => {
        if (pass === 'pack') await runSplit(plan, split, dir, reading, overflow, onProgress);
        else await surveySplit(plan, split, dir, reading, overflow, pass, onProgress);
      });
      report();
    };
    run().then(
      () => send({ kind: 'done', split }),
      (error: unknown) => send({ kind: 'failed', split, error: toErrorData(error) }),
    );
  });
}

if (parentPort) work(parentPort, workerData as WorkerData);
