// A thread of ours: documents in shared memory, taken in turns; its ids stay here.
import { readFileSync } from 'node:fs';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { documentAt } from './corpus.mjs';

const library = import('../../dist/tokenize/index.js');

/** What all threads share, from the file. */
export async function modelOf(path) {
  const { buildModel } = await library;
  return buildModel(readFileSync(path), 'tokenizer.json');
}

/** The tokenizer, after its first word, and a way to empty its kernel's caches where there is one. */
export async function tokenizerOf(model) {
  const { openTokenizer } = await library;
  const { Kernel } = await import('../../dist/tokenize/kernel.js');
  const tokenizer = openTokenizer(model);
  // The interface hides the kernel: note which one the first word goes through.
  const { encodePlain } = Kernel.prototype;
  let kernel;
  Kernel.prototype.encodePlain = function noting(...args) {
    kernel = this;
    return encodePlain.apply(this, args);
  };
  tokenizer.encode(Buffer.from('hello'));
  Kernel.prototype.encodePlain = encodePlain;
  return { tokenizer, forget: kernel === undefined ? undefined : () => kernel.forget() };
}

if (!isMainThread) {
  const { packed, turns, next, fromEnd } = workerData;
  let opened;
  let made = new Map();
  /** The next turn, or -1: threads work towards each other, as documents that stand together share words. */
  const take = () => {
    if (Atomics.add(next, 0, 1) >= turns.length - 1) return -1;
    return fromEnd ? turns.length - 2 - Atomics.add(next, 2, 1) : Atomics.add(next, 1, 1);
  };
  const commands = {
    async start({ model }) {
      opened = await tokenizerOf(model);
      return { canForget: opened.forget !== undefined };
    },
    forget: () => opened.forget(),
    pass() {
      const { tokenizer } = opened;
      made = new Map();
      for (let turn; (turn = take()) >= 0;)
        for (let i = turns[turn]; i < turns[turn + 1]; i++) made.set(i, tokenizer.encode(documentAt(packed, i)));
    },
    ids: ({ indices }) => indices.filter((i) => made.has(i)).map((i) => [i, made.get(i)]),
  };
  parentPort.on('message', (message) => {
    void (async () => parentPort.postMessage(await commands[message.command](message)))();
  });
}
