// ultraprep: documents are UTF-8 in shared memory, ids are an Int32Array a document, left in the thread that made them.
import { Worker } from 'node:worker_threads';
import { modelOf, tokenizerOf } from './ours-thread.mjs';

export const input = (bytes) => bytes;

/** What a thread takes at a time, [bytes]. */
const TURN = 16 * 1024;

export async function start({ model, option, documents }) {
  return option === '1' ? oneThread(model, documents) : manyThreads(Number(option), model, documents.packed);
}

async function oneThread(model, { list }) {
  const { tokenizer, forget } = await tokenizerOf(await modelOf(model));
  let made = [];
  return {
    forget,
    pass() {
      made = [];
      for (const document of list) made.push(tokenizer.encode(document));
    },
    ids: (indices) => indices.map((i) => made[i]),
  };
}

/** Threads take turns of documents as they come to them, from both ends of the corpus. */
async function manyThreads(threads, model, packed) {
  const { ends } = packed;
  const turns = [0];
  for (let i = 0, from = 0; i < ends.length; i++) {
    if (ends[i] - from < TURN && i < ends.length - 1) continue;
    turns.push(i + 1);
    from = ends[i];
  }
  /** Turns taken, from the front, from the end. */
  const next = new Int32Array(new SharedArrayBuffer(12));
  const workers = Array.from(
    { length: threads },
    (_, i) =>
      new Worker(new URL('ours-thread.mjs', import.meta.url), {
        workerData: { packed, turns, next, fromEnd: i % 2 === 1 },
      }),
  );
  const all = (message) => Promise.all(workers.map((worker) => answer(worker, message)));
  // As prep does it: the file is read once, the threads are given what became of it.
  const started = await all({ command: 'start', model: await modelOf(model) });
  return {
    forget: started.every(({ canForget }) => canForget) ? () => all({ command: 'forget' }) : undefined,
    pass() {
      next.fill(0);
      return all({ command: 'pass' });
    },
    async ids(indices) {
      const made = (await all({ command: 'ids', indices })).flat();
      const byIndex = new Map(made);
      return indices.map((i) => byIndex.get(i));
    },
  };
}

function answer(worker, message) {
  return new Promise((resolve, reject) => {
    const done = (settle) => (value) => {
      worker.off('message', onMessage);
      worker.off('error', onError);
      settle(value);
    };
    const onMessage = done(resolve);
    const onError = done(reject);
    worker.on('message', onMessage);
    worker.on('error', onError);
    worker.postMessage(message);
  });
}
