// A thread of ours: documents in shared memory, taken in turns; its ids stay here.
import { readFileSync } from 'node:fs';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import { documentAt } from './corpus.mjs';

/** The tokenizer, after its first word, and a way to empty its kernel's caches where there is one. */
export async function openTokenizer(path) {
  const { loadTokenizer } = await import('../../dist/tokenize/index.js');
  const { Kernel } = await import('../../dist/tokenize/kernel.js');
  const tokenizer = loadTokenizer(readFileSync(path), 'tokenizer.json');
  // The interface hides the kernel: note which one the first word goes through.
  const { encode } = Kernel.prototype;
  let kernel;
  Kernel.prototype.encode = function noting(...args) {
    kernel = this;
    return encode.apply(this, args);
  };
  tokenizer.encode(Buffer.from('hello'));
  Kernel.prototype.encode = encode;
  return { tokenizer, forget: kernel === undefined ? undefined : () => kernel.forget() };
}

if (!isMainThread) {
  const { model, packed, turns, next } = workerData;
  let opened;
  let made = new Map();
  const commands = {
    async start() {
      opened = await openTokenizer(model);
      return { canForget: opened.forget !== undefined };
    },
    forget: () => opened.forget(),
    pass() {
      const { tokenizer } = opened;
      made = new Map();
      for (let turn; (turn = Atomics.add(next, 0, 1)) < turns.length - 1;)
        for (let i = turns[turn]; i < turns[turn + 1]; i++) made.set(i, tokenizer.encode(documentAt(packed, i)));
    },
    ids: ({ indices }) => indices.filter((i) => made.has(i)).map((i) => [i, made.get(i)]),
  };
  parentPort.on('message', (message) => {
    void (async () => parentPort.postMessage(await commands[message.command](message)))();
  });
}
