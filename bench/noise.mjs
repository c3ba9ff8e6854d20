/**
 * Noise: masking a window of 131072 tokens (words, comparison, and putting the mask id in), one core; and a pass over 100,000 windows
 * of 100 documents, to a file, with its memory. `npm run bench:noise`; results in bench/results/noise.json.
 */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_FORM } from '../dist/core/noise.js';
import { commitStream } from '../dist/io/commit.js';
import { corrupt, drawPass, Masker, windowKey } from '../dist/noise/index.js';
import { writeRows } from '../dist/shard/index.js';

const WINDOW = 131_072;
const formOf = (settings) => ({ ...DEFAULT_FORM, ...settings });
const MASKINGS = {
  bernoulli: {},
  complement: { complementary: true },
  'at least one': { atLeastOne: true },
  exact: { masking: 'exact' },
};

/** A window of equal documents. */
function windowOf(documents) {
  const segments = Array.from({ length: documents }, (_, i) => {
    const start = Math.floor((i * WINDOW) / documents);
    return { start, length: Math.floor(((i + 1) * WINDOW) / documents) - start, group: i, promptTokens: 0 };
  });
  return { numTokens: WINDOW, segments, cuSeqlens: Int32Array.from([0, ...segments.map((s) => s.start + s.length)]) };
}

/** Best of `rounds`, in tokens a second of processor time; each takes `count` windows. */
function corruption(name, documents, rounds = 7, count = 40) {
  const { segments } = windowOf(documents);
  const form = formOf({ per: 'document', ...MASKINGS[name] });
  const masker = new Masker(form, 1, WINDOW);
  const x0 = Int32Array.from({ length: WINDOW }, (_, i) => i % 50_000);
  const xt = new Int32Array(WINDOW);
  const unitLengths = Int32Array.from(segments, (s) => s.length);
  const p = Float32Array.from(segments, (_, i) => (1 + ((8_000_000 + i * 99_991) % 2 ** 24)) / 2 ** 24);
  let best = 0;
  let masked = 0;
  for (let round = 0; round < rounds; round++) {
    const begun = process.cpuUsage();
    for (let window = 0; window < count; window++)
      masked += corrupt(x0, masker.mask({ unitLengths, p, key: windowKey(round, 0, window) }, segments), 99, xt);
    const { user, system } = process.cpuUsage(begun);
    best = Math.max(best, (count * WINDOW * 1e6) / (user + system));
  }
  return { masking: name, documents, tokensPerSecond: Math.round(best), masked };
}

/** A pass over windows that are all alike, written by the commit rule. Memory: the most that was resident. */
async function pass(windows, documents, settings) {
  const dir = mkdtempSync(join(tmpdir(), 'bench-noise-'));
  const form = formOf({ batchWindows: 64, ...settings });
  const one = windowOf(documents);
  const corpus = {
    dir,
    seed: 1,
    train: Int32Array.from({ length: windows }, (_, i) => i),
    validation: new Int32Array(0),
    window: async () => one,
  };
  const from = { plan: '', policy: 'adaptive', tokenizer: { sha256: '', vocabSize: 1, specialIds: {} } };
  let most = 0;
  const watch = setInterval(() => (most = Math.max(most, process.memoryUsage.rss())), 20);
  const before = process.memoryUsage.rss();
  const begun = performance.now();
  const path = join(dir, 'pass-000.arrow');
  await commitStream(path, async (sink) => {
    await writeRows(sink, drawPass(corpus, form, 0), { pass: 0, seed: 1, form }, from);
  });
  const seconds = (performance.now() - begun) / 1000;
  clearInterval(watch);
  const bytes = statSync(path).size;
  rmSync(dir, { recursive: true });
  const round = (x, digits) => Number(x.toFixed(digits));
  const MiB = 2 ** 20;
  return {
    windows,
    documents,
    ...settings,
    seconds: round(seconds, 2),
    fileMiB: round(bytes / MiB, 1),
    residentMiB: { before: Math.round(before / MiB), most: Math.round(most / MiB) },
  };
}

const [only] = process.argv.slice(2);
const results = { node: process.version, cpu: cpus()[0].model, cores: availableParallelism() };
if (only !== 'pass')
  results.corruption = Object.keys(MASKINGS).flatMap((name) =>
    [1, 100, 10_000].map((documents) => corruption(name, documents)),
  );
if (only !== 'corruption') {
  results.passes = [];
  for (const [windows, documents, settings] of [
    [100_000, 100, { per: 'document', schedule: 'cosine' }],
    [100_000, 100, { per: 'document', schedule: 'geometric', atLeastOne: true }],
    [1_000_000, 1, { per: 'window', schedule: 'cosine' }],
  ])
    results.passes.push(await pass(windows, documents, settings));
}
console.log(JSON.stringify(results, null, 2));
if (only === undefined)
  writeFileSync(new URL('results/noise.json', import.meta.url), `${JSON.stringify(results, null, 2)}\n`);
