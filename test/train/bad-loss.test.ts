/** Runs whose loss goes wrong: where they say it did, and what they leave. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, expect, it } from 'vitest';

import type { Corpus } from '../../src/shard/corpus.ts';
import { activate } from '../../src/train/backend/load.ts';
import { readSafetensorsHeader } from '../../src/train/checkpoint/safetensors.ts';
import { startModel, withModel } from '../../src/train/memory.ts';
import { beginning } from '../../src/train/progress.ts';
import { runTraining } from '../../src/train/run.ts';
import type { RunSettings, TrainEvent } from '../../src/train/run-types.ts';
import { batches, trainLoop } from '../../src/train/loop.ts';
import { CONFIG, countingCorpus, scheduleTo, settingsFor } from './counting.ts';

let dir = '';
let corpus: Corpus;
let windows: number[];
beforeAll(async () => {
  await activate('wasm');
  dir = await mkdtemp(join(tmpdir(), 'ultraprep-loss-'));
  corpus = await countingCorpus(dir);
  for await (const batch of batches(corpus, null)) {
    windows = [...batch.windows];
    break;
  }
});
afterAll(() => rm(dir, { recursive: true, force: true }));

const out = (name: string): string => join(dir, name);
async function failing(given: Partial<RunSettings> & { out: string }, from = corpus) {
  const before = tf.memory().numTensors;
  const seen: TrainEvent[] = [];
  const settings = { ...settingsFor(60, given.out), ...given };
  const error = await runTraining(
    from,
    CONFIG,
    settings,
    (event) => seen.push(event),
    new AbortController().signal,
  ).then(
    () => null,
    (reason: unknown) => reason as { code: string; message: string; details: Record<string, unknown> },
  );
  expect(tf.memory().numTensors).toBe(before);
  return { error, steps: seen.filter(({ kind }) => kind === 'step').length };
}

/** The corpus with noise of weights beyond float32 for one window. */
function withBadWeights(bad: number, weight: number): Corpus {
  const noise: Corpus['noise'] = async (pass) => {
    const found = await corpus.noise(pass);
    const { mask, numTokens } = await corpus.read(bad);
    const contextWeight = new Float32Array(mask.cuSeqlens.findIndex((offset) => offset >= numTokens)).fill(weight);
    const row: typeof found.row = (window) =>
      window === bad
        ? { ...found.row(window), p: Float32Array.of(1), weight: Float32Array.of(weight), contextWeight }
        : found.row(window);
    return { ...found, row };
  };
  return { ...corpus, noise };
}

it('names the step, and the windows of the pass that a loss is not finite with', async () => {
  const loop = { steps: 60, milliseconds: null, batchWindows: null, slabTokens: 128, schedule: scheduleTo(0.01) };
  const more = { maxSpike: 100, signal: new AbortController().signal, saved: () => false };
  const before = tf.memory().numTensors;
  const failed = withModel(
    () => startModel(CONFIG, 1, null),
    (state) =>
      trainLoop(withBadWeights(windows[2]!, 1e30), state, { ...loop, ...more }, beginning(64), async () => true),
  );
  await expect(failed).rejects.toMatchObject({
    code: 'LOSS_NOT_FINITE',
    message: `the loss is Infinity at step 1 (windows ${windows[2]}, ${windows[3]}); lower --lr or raise --warmup (no checkpoint was written)`,
    details: { step: 1, what: 'loss', windows: [`${windows[2]}`, `${windows[3]}`], saved: false },
  });
  expect(tf.memory().numTensors).toBe(before);
});

it('names the whole batch where it is the gradient norm', async () => {
  const { error } = await failing({ out: out('norm') }, withBadWeights(windows[2]!, 1e15));
  expect(error).toMatchObject({
    code: 'LOSS_NOT_FINITE',
    message: expect.stringMatching(/^the gradient norm is Infinity at step 1 /) as string,
    details: { step: 1, what: 'gradient norm', windows: windows.map(String), saved: false },
  });
});

it('stops when the loss stays at twice that of guessing, and keeps the checkpoint from before', async () => {
  // The rate rises to what the model cannot bear, a step at a time.
  const given = { out: out('rising'), schedule: { ...scheduleTo(20, 400), shape: 'constant' as const }, saveEvery: 1 };
  const { error, steps } = await failing(given);
  expect(error).toMatchObject({
    code: 'LOSS_EXPLODED',
    message: expect.stringMatching(/cross-entropy is .*the last of 3 steps in a row.*is kept/) as string,
  });
  expect(steps).toBeGreaterThan(3);
  // Two steps exploded, and the third is no step. The weights that they did so with came from one or more before them.
  const bytes = await readFile(join(given.out, 'resume.safetensors'));
  const header = readSafetensorsHeader(bytes, bytes.length, 'x').metadata['progress']!;
  const { step, guard } = JSON.parse(header) as { step: number; guard: { streak: number } };
  expect(guard.streak).toBe(0);
  expect(step).toBeLessThan(steps - 2);
  expect(step).toBeGreaterThan(steps / 2);
  // And goes on from there, to the same end.
  expect((await failing({ ...given, resume: true })).error).toEqual(error);
});

it('does not stop then where it is asked not to', async () => {
  const schedule = { ...scheduleTo(20, 400), shape: 'constant' as const };
  const { error, steps } = await failing({ out: out('let'), schedule, maxSpike: 0 });
  expect(error?.code).not.toBe('LOSS_EXPLODED');
  expect(steps).toBeGreaterThan(20);
});

it.each<[string, Partial<RunSettings>]>([
  ['after an evaluation', { evalEvery: 2, saveEvery: 2 }],
  ['without an evaluation', { evalEvery: 100, saveEvery: 2 }],
])('does not save weights that are worse than a guess, %s', async (name, every) => {
  const given = { ...every, out: out(`weights ${name}`), schedule: scheduleTo(1e10, 1) };
  // Their loss is finite still, and the first gradients after it may be.
  const { error } = await failing(given);
  expect(error).toMatchObject({ details: { saved: false } });
  await expect(readFile(join(given.out, 'model.safetensors'))).rejects.toThrow('ENOENT');
});

it('does not save weights that are worse than a guess where the run ends with them either', async () => {
  const given = { out: out('worse'), steps: 1, schedule: scheduleTo(30, 1) };
  const { error } = await failing(given);
  expect(error).toMatchObject({
    code: 'LOSS_EXPLODED',
    message: expect.stringMatching(
      /^the cross-entropy of the updated weights is .* at step 1, above the limit/,
    ) as string,
  });
  await expect(readFile(join(given.out, 'model.safetensors'))).rejects.toThrow('ENOENT');
});

it('finds weights that no loss comes out of where the run ends with them', async () => {
  const given = { out: out('end'), steps: 1, schedule: scheduleTo(1e39, 1) };
  const { error } = await failing(given);
  expect(error).toMatchObject({ code: 'LOSS_NOT_FINITE', details: { step: 1, saved: false, windows: [] } });
  await expect(readFile(join(given.out, 'model.safetensors'))).rejects.toThrow('ENOENT');
});

it('leaves the record of a run that can be resumed alone, when another one fails in its folder', async () => {
  await failing({ out: out('kept'), steps: 4 });
  const before = await readFile(join(out('kept'), 'metrics.jsonl'));
  expect((await failing({ out: out('kept'), schedule: scheduleTo(1e25, 1) })).error).toMatchObject({
    code: 'LOSS_NOT_FINITE',
  });
  expect(await readFile(join(out('kept'), 'metrics.jsonl'))).toEqual(before);
  expect((await failing({ out: out('kept'), steps: 4, resume: true })).error).toBeNull();
});
