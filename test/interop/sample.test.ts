/** Sampling at temperature 0 writes what LLaDA's own sampler writes, on a forward pass that numpy makes. */
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { keyOf, philox } from '../../src/core/random.ts';
import { chooseBackend } from '../../src/train/backend/backend.ts';
import { saveCheckpoint } from '../../src/train/checkpoint/checkpoint.ts';
import { HEAD } from '../../src/train/model/model.ts';
import { disposeParameters, initialParameters } from '../../src/train/model/parameters.ts';
import { denoise, SAMPLE } from '../../src/train/sample/sample.ts';
import { temporaryFolder } from '../support/folders.ts';
import { TINY } from '../train/fixtures.ts';

const python = process.env.ULTRAPREP_PYTHON ?? '.venv/bin/python';
const there = existsSync(python);
if (!there) console.warn(`no ${python}: interop tests are skipped; \`npm run venv\` makes it`);

const dir = temporaryFolder();
const config = { ...TINY, vocabSize: 40, dModel: 16, hidden: 24, maskTokenId: 39, padTokenId: 38, eosTokenId: 38 };

const JOBS = [
  { length: 16, block: 16, steps: 16 },
  { length: 16, block: 4, steps: 8 },
  // Steps that keep 3, 3, 2, 2 and 2 tokens.
  { length: 24, block: 12, steps: 10 },
  { length: 12, block: 6, steps: 2 },
  // More steps than tokens.
  { length: 6, block: 3, steps: 10 },
];

test.skipIf(!there)('low-confidence remasking is LLaDA’s, token for token', async () => {
  await chooseBackend('wasm');
  const texts = new Set<string>();
  for (let seed = 0; seed < 5; seed++) {
    const parameters = initialParameters(config, seed);
    // Logits far enough apart that each token kept changes what is kept next.
    const head = parameters.get(HEAD)!;
    parameters.set(HEAD, tf.mul(head, 30));
    head.dispose();
    await saveCheckpoint(dir, parameters, config);
    const jobs = JOBS.map((job, i) => ({ ...job, banned: [38, 39], prompt: promptOf(seed, 3 + 5 * i) }));
    const found = [];
    for (const { prompt, length, block, steps } of jobs) {
      const settings = { ...SAMPLE, blockLength: block, steps };
      found.push([...prompt, ...(await denoise(Int32Array.from(prompt), length, { parameters, config }, settings))]);
    }
    disposeParameters(parameters);
    const answer = execFileSync(python, ['test/interop/sample_llada.py', dir], { input: JSON.stringify(jobs) });
    expect(found).toEqual(JSON.parse(answer.toString()));
    for (const ids of found) texts.add(ids.join());
  }
  expect(texts.size).toBe(5 * JOBS.length);
});

function promptOf(seed: number, length: number): number[] {
  const draw = new Uint32Array(4);
  return Array.from({ length }, (_, i) => {
    philox(draw, keyOf(seed), i, length, 0, 99);
    return draw[0]! % 38;
  });
}
