import { Child } from './child.mjs';
import { bytesOf } from './corpus.mjs';

/** A short pass is repeated until it took this long together, and counts with its median, [seconds]. */
const LONG_ENOUGH = 0.2;

export const median = (values) => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};

/**
 * One engine on one corpus in a process of its own, from its start: the first pass, then the second and more, then, where
 * the engine can, passes with its caches emptied. Digests of the sample's ids when asked for.
 */
async function measure(engine, { corpus, models, wantIds }) {
  const path = models[engine.model];
  if (engine.command === undefined) throw new Error('not installed: .venv (npm run venv)');
  if (path === undefined) throw new Error('has nothing for this vocabulary');
  const part = corpus[engine.scope];
  const child = new Child(engine);
  try {
    const load = await child.ask({ command: 'load', model: path, documents: part.path });
    const cold = speed(await child.ask({ command: 'pass' }), part.bytes);
    const warm = await repeat(child, part.bytes, ['pass']);
    const forgotten = load.canForget ? await repeat(child, part.bytes, ['forget', 'pass']) : undefined;
    const indices = engine.scope === 'all' ? corpus.sampleIndices : corpus.sampleIndices.map((_, i) => i);
    const ids = wantIds ? await child.ask({ command: 'ids', indices }) : undefined;
    return { load, version: load.version, cold, warm, forgotten, ...ids };
  } finally {
    await child.close();
  }
}

const speed = ({ seconds, cpuSeconds }, bytes) => ({
  wall: bytes / 1e6 / seconds,
  cpu: bytes / 1e6 / cpuSeconds,
  seconds,
});

async function repeat(child, bytes, commands) {
  const passes = [];
  for (let spent = 0; passes.length === 0 || (spent < LONG_ENOUGH && passes.length < 15);) {
    let answer;
    for (const command of commands) answer = await child.ask({ command });
    spent += answer.seconds;
    passes.push(speed(answer, bytes));
  }
  return { wall: median(passes.map(({ wall }) => wall)), cpu: median(passes.map(({ cpu }) => cpu)) };
}

/** All rounds: `results[corpus][engine]` is a list, a round each; `skipped[engine]` says why. */
export async function measureAll({ engines, corpora, models, rounds, log }) {
  const results = {};
  const skipped = {};
  for (let round = 0; round < rounds; round++)
    for (const corpus of corpora) {
      results[corpus.name] ??= {};
      for (const engine of engines) {
        if (skipped[engine.name]) continue;
        try {
          const result = await measure(engine, { corpus, models, wantIds: round === 0 });
          (results[corpus.name][engine.name] ??= []).push(result);
          const { cold, warm } = result;
          log(
            `round ${round + 1}/${rounds} ${corpus.name} ${engine.name}: ${cold.wall.toFixed(1)} ${warm.wall.toFixed(1)} MB/s`,
          );
        } catch (error) {
          skipped[engine.name] = error.message;
          log(`skipped ${engine.name}: ${error.message}${engine.pip ? ` (.venv/bin/pip install ${engine.pip})` : ''}`);
        }
      }
    }
  return { results, skipped };
}

/** A corpus with its sample, both written for the children; `write(name, documents)` gives the path. */
export function layOut({ name, documents }, sampleIndices, write) {
  const part = (suffix, list) => ({
    path: write(`${name}-${suffix}`, list),
    bytes: bytesOf(list),
    documents: list.length,
  });
  return {
    name,
    sampleIndices,
    all: part('all', documents),
    sample: part(
      'sample',
      sampleIndices.map((i) => documents[i]),
    ),
  };
}
