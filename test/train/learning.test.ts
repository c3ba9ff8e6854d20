import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import type { Corpus } from '../../src/shard/corpus.ts';
import { activate } from '../../src/train/backend/load.ts';
import { loadCheckpoint, loadConfig } from '../../src/train/checkpoint/checkpoint.ts';
import { configFrom } from '../../src/train/start.ts';
import { codedMemoryError, startModel, withModel } from '../../src/train/memory.ts';
import { disposeParameters } from '../../src/train/model/parameters.ts';
import { PRESETS } from '../../src/train/model/presets.ts';
import { runTraining } from '../../src/train/run.ts';
import type { RunSettings, TrainEvent } from '../../src/train/run-types.ts';
import { denoise, SAMPLE } from '../../src/train/sample/sample.ts';
import { unigramCrossEntropy } from '../../src/train/unigram.ts';
import { CONFIG, countingCorpus, scheduleTo, settingsFor } from './counting.ts';

let dir = '';
let corpus: Corpus;
const settings = (steps: number): RunSettings => settingsFor(steps, join(dir, 'train'));

beforeAll(async () => {
  await activate('wasm');
  dir = await mkdtemp(join(tmpdir(), 'ultraprep-train-'));
  corpus = await countingCorpus(dir);
});
afterAll(() => rm(dir, { recursive: true, force: true }));

describe('a training run', () => {
  const events: TrainEvent[] = [];

  it('learns what a unigram cannot, and leaves checkpoint, metrics, curve and no tensor', async () => {
    const before = tf.memory().numTensors;
    const result = await runTraining(
      corpus,
      CONFIG,
      settings(200),
      (event) => events.push(event),
      new AbortController().signal,
    );
    expect(tf.memory().numTensors).toBe(before);

    const { crossEntropy } = await unigramCrossEntropy(corpus);
    expect(result).toMatchObject({ steps: 200, interrupted: false, unigram: crossEntropy });
    expect(result.heldOut!).toBeLessThan(0.6 * crossEntropy);

    const metrics = (await readFile(join(dir, 'train', 'metrics.jsonl'), 'utf8')).trim().split('\n');
    const lines = metrics.map((line) => JSON.parse(line) as { kind: string; step: number });
    expect(lines.filter(({ kind }) => kind === 'step').map(({ step }) => step)).toEqual(
      Array.from({ length: 200 }, (_, i) => i + 1),
    );
    expect(lines.filter(({ kind }) => kind === 'evaluation').map(({ step }) => step)).toEqual([50, 100, 150, 200]);
    expect(await readFile(join(dir, 'train', 'curve.svg'), 'utf8')).toContain('training unigram');
  });

  it('says once that the noise passes come round again', () => {
    expect(events.filter(({ kind }) => kind === 'notice')).toHaveLength(1);
  });

  it('wrote a model that counts on from a prompt', async () => {
    const { parameters, config } = await loadCheckpoint(join(dir, 'train'));
    const greedy = { ...SAMPLE, blockLength: 2, steps: 6 };
    const before = tf.memory().numTensors;
    const found = await denoise(Int32Array.of(3, 4, 5, 6, 7, 8), 6, { parameters, config }, greedy);
    expect([...found]).toEqual([9, 10, 11, 0, 1, 2]);
    expect(tf.memory().numTensors).toBe(before);
    disposeParameters(parameters);
  });

  it('gives the same losses again', async () => {
    const losses = (all: TrainEvent[]): number[] => all.flatMap((event) => (event.kind === 'step' ? event.loss : []));
    const again: TrainEvent[] = [];
    // The learning rate follows the length of the run, so as many steps; the first 30 tell.
    const stop = new AbortController();
    const watch = (event: TrainEvent): void => {
      again.push(event);
      if (event.kind === 'step' && event.step === 30) stop.abort();
    };
    const result = await runTraining(corpus, CONFIG, settings(200), watch, stop.signal);
    expect(result).toMatchObject({ steps: 30, interrupted: true, heldOut: null });
    expect(losses(again)).toEqual(losses(events).slice(0, 30));
  });
});

describe('a run from a checkpoint', () => {
  /** The corpus' manifest, made with the tokenizer that the checkpoint has beside it. */
  const sameTokenizer = () => {
    const sha256 = createHash('sha256').update('{}').digest('hex');
    return { ...corpus.manifest, tokenizer: { ...corpus.manifest.tokenizer, sha256 } };
  };

  it('goes on where the weights are, under another base of RoPE', async () => {
    const from = join(dir, 'train');
    const config = await configFrom(
      { from, rope: 'diffusion-ntk', critical: undefined },
      { ...sameTokenizer(), windowLength: 128 },
    );
    expect(config.ropeTheta).toBeGreaterThan(CONFIG.ropeTheta);
    const ropeExtension = { method: 'diffusion-ntk', originalLength: 64, targetLength: 128 };
    expect(config).toMatchObject({ maxSequenceLength: 128, ropeExtension });
    const out = join(dir, 'longer');
    const firstLoss = async (start: string | null): Promise<number> => {
      const losses: number[] = [];
      const more = { ...settings(2), from: start, out, schedule: scheduleTo(1e-4, 1) };
      const hear = (event: TrainEvent): void => void (event.kind === 'step' && losses.push(event.loss));
      await runTraining(corpus, config, more, hear, new AbortController().signal);
      return losses[0]!;
    };
    const untrained = await firstLoss(null);
    expect(await firstLoss(from)).toBeLessThan(0.9 * untrained);
    expect(await loadConfig(out)).toEqual(config);
  });

  it.each([
    ['longer windows', { windowLength: 128 }, /--rope diffusion-ntk/],
    ['another mask token', { tokenizer: { specialIds: { mask: 11, bos: null, eos: null, pad: 12 } } }, /mask token 12/],
    ['more tokens', { tokenizer: { vocabSize: 14 } }, /13 tokens/],
    ['another tokenizer', { tokenizer: { sha256: 'f'.repeat(64) } }, /another tokenizer.json/],
  ])('is refused for a corpus of %s', async (_, change, message) => {
    const from = join(dir, 'train');
    const same = sameTokenizer();
    await expect(configFrom({ from, rope: 'none', critical: undefined }, same)).resolves.toMatchObject(CONFIG);
    const other = {
      ...same,
      ...change,
      tokenizer: { ...same.tokenizer, ...('tokenizer' in change ? change.tokenizer : {}) },
    };
    await expect(configFrom({ from, rope: 'none', critical: undefined }, other)).rejects.toMatchObject({
      code: 'CHECKPOINT_MISMATCH',
      message: expect.stringMatching(message) as string,
    });
  });
});

describe('a run that cannot go on', () => {
  it('stops on a loss that is not finite, with the last good checkpoint kept', async () => {
    const out = join(dir, 'train', 'model.safetensors');
    const good = await readFile(out);
    const before = tf.memory().numTensors;
    const wild = { ...settings(50), schedule: scheduleTo(1e20, 1) };
    await expect(runTraining(corpus, CONFIG, wild, () => {}, new AbortController().signal)).rejects.toMatchObject({
      code: 'LOSS_NOT_FINITE',
    });
    expect(tf.memory().numTensors).toBe(before);
    expect(await readFile(out)).toEqual(good);
  });

  it('leaves the metrics so far then, and promises no checkpoint that is not there', async () => {
    const wild = { ...settings(50), schedule: scheduleTo(1e20, 1), out: join(dir, 'wild') };
    const failed = runTraining(corpus, CONFIG, wild, () => {}, new AbortController().signal);
    await expect(failed).rejects.toMatchObject({ details: { saved: false } });
    await expect(failed).rejects.not.toThrow(/is kept/);
    expect(await readFile(join(dir, 'wild', 'metrics.jsonl'), 'utf8')).toContain('"step":1,');
  });

  it('foresees the step at which the time ends, when that comes before the steps given', async () => {
    const steps: TrainEvent[] = [];
    const both = { ...settings(100_000), milliseconds: 1, out: join(dir, 'both') };
    const { steps: made } = await runTraining(corpus, CONFIG, both, (e) => steps.push(e), new AbortController().signal);
    expect(steps.findLast(({ kind }) => kind === 'step')).toMatchObject({ step: made, steps: made });
    expect(steps.find(({ kind }) => kind === 'sample')).toMatchObject({ heldOut: true });
  });

  it('stops between slabs of a step, and writes nothing before the first', async () => {
    const stop = new AbortController();
    const out = join(dir, 'stopped');
    const emit = (event: TrainEvent): void => {
      if (event.kind === 'model') stop.abort();
    };
    const before = tf.memory().numTensors;
    const result = await runTraining(corpus, CONFIG, { ...settings(50), out }, emit, stop.signal);
    expect(result).toMatchObject({ steps: 0, interrupted: true });
    expect(tf.memory().numTensors).toBe(before);
    await expect(readFile(join(out, 'model.safetensors'))).rejects.toThrow('ENOENT');
  });

  it('needs training windows, and a folder that holds no other corpus', async () => {
    const run = (some: Corpus, out = join(dir, 'none')): Promise<unknown> =>
      runTraining(some, CONFIG, { ...settings(1), out }, () => {}, new AbortController().signal);
    const empty: Corpus = { ...corpus, numbers: (of) => (of === 'train' ? new Int32Array(0) : corpus.numbers(of)) };
    await expect(run(empty)).rejects.toMatchObject({ code: 'CORPUS_EMPTY' });
    const other = join(dir, 'other');
    await mkdir(other);
    await writeFile(join(other, 'manifest.json'), '{}');
    await expect(run(corpus, other)).rejects.toMatchObject({ code: 'USAGE' });
  });

  it('refuses at once a model that cannot fit', async () => {
    const big = { ...CONFIG, ...PRESETS['llada-8b'] };
    await expect(runTraining(corpus, big, settings(1), () => {}, new AbortController().signal)).rejects.toMatchObject({
      code: 'OUT_OF_MEMORY',
      message: expect.stringMatching(/llada-8b.* GiB/) as string,
    });
  });

  it('shows what ended it, not what the dead backend says when it is cleaned up', async () => {
    const oom = new Error('Aborted(). memory access out of bounds');
    const failed = withModel(
      () => startModel(CONFIG, 1, null),
      async ({ parameters }) => {
        disposeParameters(parameters);
        parameters.set('dead', {
          get isDisposed(): boolean {
            throw new Error('dead');
          },
        } as unknown as tf.Tensor);
        throw oom;
      },
    );
    await expect(failed).rejects.toMatchObject({ code: 'OUT_OF_MEMORY', cause: oom });
    expect(codedMemoryError(new Error('something else'))).not.toHaveProperty('code');
  });

  it('needs a noise pass', async () => {
    const without = { ...corpus, passes: 0 };
    await expect(
      runTraining(without, CONFIG, settings(1), () => {}, new AbortController().signal),
    ).rejects.toMatchObject({ code: 'NOISE_PASS_MISSING' });
  });
});
