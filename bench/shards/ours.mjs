// One measurement, in a process of its own: `ours.mjs CORPUS WHAT [PASSES]`, or `ours.mjs FOLDER write LENGTH WINDOWS`. Prints JSON.
import { closeSync, openSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { permutation } from '../../dist/core/random.js';
import { openCorpus } from '../../dist/shard/index.js';
import { makeWindows, writeCorpus, writeShards } from './windows.mjs';

const [dir, what, ...numbers] = process.argv.slice(2);

async function timed(windows, run) {
  const cpu = process.cpuUsage();
  const began = performance.now();
  await run();
  const seconds = (performance.now() - began) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  return { windows, seconds, cpuSeconds: (user + system) / 1e6 };
}

/** Windows in the order asked for; the first pass warms the page cache and the code, and is not timed. */
async function reading(read, order, passes) {
  const pass = async () => {
    for (const window of order) await read(window);
  };
  await pass();
  return timed(order.length * passes, async () => {
    for (let i = 0; i < passes; i++) await pass();
  });
}

/** A plain read into one buffer, of the bytes that the manifest gives: what the reader is compared with. */
function plainReads({ dir, manifest }) {
  const bytes = manifest.windowLength * 4;
  const places = [];
  const files = [];
  for (const { path, batches } of manifest.splits.flatMap(({ shards }) => shards)) {
    const file = openSync(join(dir, path), 'r');
    files.push(file);
    for (const { offset, windows } of batches)
      for (let i = 0; i < windows; i++) places.push({ file, position: offset + i * bytes });
  }
  const target = new Uint8Array(bytes);
  return {
    read: (window) => readSync(places[window].file, target, 0, bytes, places[window].position),
    close: () => files.forEach((file) => closeSync(file)),
  };
}

async function measure() {
  if (what === 'write') {
    const [length, count] = numbers.map(Number);
    const windows = makeWindows(length, count);
    return timed(count, () => writeShards(dir, length, windows));
  }
  if (what === 'corpus') return timed(0, () => writeCorpus(dir, ...numbers.map(Number)));
  const corpus = await openCorpus(dir);
  const [how, order] = what.split(' ');
  const count = corpus.manifest.windows.train;
  const windows = order === 'random' ? permutation(count, 7, 0) : Int32Array.from({ length: count }, (_, i) => i);
  const plain = plainReads(corpus);
  const ids = new Int32Array(corpus.manifest.windowLength);
  const reads = {
    pread: plain.read,
    ids: (window) => corpus.readIds(window, ids),
    window: async (window) => {
      corpus.readIds(window, ids);
      const { columns, row } = await corpus.columns(window);
      const { offsets, values } = columns.cuSeqlens;
      return { tokens: columns.numTokens[row], cuSeqlens: values.subarray(offsets[row], offsets[row + 1]) };
    },
    layout: (window) => corpus.layout(window),
    record: (window) => corpus.read(window, ids),
    fresh: (window) => corpus.read(window),
  };
  const result = await reading(reads[how], windows, Number(numbers[0]));
  plain.close();
  await corpus.close();
  return result;
}

process.stdout.write(JSON.stringify(await measure()));
