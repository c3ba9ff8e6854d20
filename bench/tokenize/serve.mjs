// A child process: `serve.mjs ENGINE OPTION`. Loads an engine and times its passes, as told in lines of JSON.
import { createHash } from 'node:crypto';
import { createInterface } from 'node:readline';
import { documentAt, readPacked } from './corpus.mjs';

const [module, option] = process.argv.slice(2);
const { input, start } = await import(`./${module}`);
let engine;
let documents;

const commands = {
  /** Puts the documents into memory in the form the engine takes, then loads it: library, model, a first word. */
  async load({ model, documents: path }) {
    const packed = readPacked(path);
    documents = { packed, list: Array.from(packed.ends, (_, i) => input(documentAt(packed, i))) };
    const cpu = process.cpuUsage();
    const began = performance.now();
    engine = await start({ model, option, documents });
    const milliseconds = performance.now() - began;
    const { user, system } = process.cpuUsage(cpu);
    const { version, forget } = engine;
    return { milliseconds, cpuMilliseconds: (user + system) / 1000, version, canForget: forget !== undefined };
  },
  async pass() {
    const cpu = process.cpuUsage();
    const began = performance.now();
    await engine.pass();
    const seconds = (performance.now() - began) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    return { seconds, cpuSeconds: (user + system) / 1e6 };
  },
  async forget() {
    await engine.forget();
    return {};
  },
  /** A digest of the ids of each of these documents, as of the last pass. */
  async ids({ indices }) {
    const digests = [];
    for (const ids of await engine.ids(indices)) {
      const bytes = new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
      digests.push(createHash('sha1').update(bytes).digest('hex').slice(0, 16));
    }
    return { digests, megabytesResident: process.resourceUsage().maxRSS / 1024 };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const { command, ...rest } = JSON.parse(line);
  let reply;
  try {
    reply = { answer: await commands[command](rest) };
  } catch (error) {
    reply = {
      error: String(error?.stack ?? error)
        .split('\n')
        .slice(0, 3)
        .join(' '),
    };
  }
  process.stdout.write(`${JSON.stringify(reply)}\n`);
}
