// A second start, the model of the file in its cache: reading and hashing the file, the model, a first word.
// `second-start.mjs TOKENIZER` is one start, in a process of its own; it prints milliseconds.
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { median } from './measure.mjs';

const STARTS = 7;

/** Median of so many starts, [ms]; `cache`: a folder that is filled by a start before them. */
export function measureSecondStart(tokenizer, cache) {
  const start = () =>
    Number(
      execFileSync(process.execPath, [fileURLToPath(import.meta.url), tokenizer], {
        env: { ...process.env, ULTRAPREP_CACHE: cache },
      }),
    );
  start();
  return Math.round(median(Array.from({ length: STARTS }, start)));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { loadModel } = await import('../../dist/run/model-cache.js');
  const { openTokenizer } = await import('../../dist/tokenize/index.js');
  const began = performance.now();
  const { model } = await loadModel(process.argv[2]);
  openTokenizer(model).encode(Buffer.from('hello'));
  console.log(performance.now() - began);
}
