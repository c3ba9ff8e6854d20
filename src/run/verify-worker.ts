/** A thread of `prep verify`: checks the splits it is handed, by their places in the manifest, and tells of each as it comes. */
import { parentPort, workerData } from 'node:worker_threads';
import { type ErrorData, toErrorData } from '../core/errors.ts';
import { openCorpus } from '../shard/index.ts';
import { readPlan } from './plan.ts';
import { checkGroup, type Setup } from './verify-pool.ts';
import type { SplitCheck } from './verify-split.ts';
import { type Watched, watchInto } from './watchdog.ts';

export type VerifierData = Setup & { readonly watched: Watched };
export type FromVerifier =
  | { readonly kind: 'windows'; readonly windows: number }
  | { readonly kind: 'checked'; readonly index: number; readonly check: SplitCheck }
  | { readonly kind: 'idle' }
  | { readonly kind: 'failed'; readonly error: ErrorData };

/** More messages would only cost the main thread time. */
const REPORT_MS = 100;

async function work(port: NonNullable<typeof parentPort>, { watched, ...setup }: VerifierData): Promise<void> {
  const send = (message: FromVerifier) => port.postMessage(message);
  const watch = watchInto(watched);
  const corpus = await openCorpus(setup.dir);
  // A plan that cannot be read has been reported.
  const plan = await readPlan(setup.dir).catch(() => undefined);
  port.on('message', (group: readonly number[]) => {
    const check = async () => {
      let [windows, sent] = [0, Date.now()];
      const onWindows = (more: number) => {
        windows += more;
        if (Date.now() - sent < REPORT_MS) return;
        send({ kind: 'windows', windows });
        [windows, sent] = [0, Date.now()];
      };
      let at = 0;
      for await (const check of checkGroup(corpus, plan, setup, group, onWindows, watch)) {
        send({ kind: 'checked', index: group[at++]!, check });
      }
      send({ kind: 'windows', windows });
      send({ kind: 'idle' });
    };
    check().catch((error: unknown) => send({ kind: 'failed', error: toErrorData(error) }));
  });
}

if (parentPort) {
  const port = parentPort;
  work(port, workerData as VerifierData).catch((error: unknown) =>
    port.postMessage({ kind: 'failed', error: toErrorData(error) } satisfies FromVerifier),
  );
}
