/** The dataset in samples/pytorch: the trainer's order and batches, and windows as a pass of noise sees them. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { permutation } from '../../src/core/random.ts';
import { writeMasks } from '../../src/run/index.ts';
import { openCorpus } from '../../src/shard/index.ts';
import { writeJsonl, writePipeline } from '../support/corpus.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, TOKENIZER } from '../support/prep.ts';

const run = promisify(execFile);
const python = process.env.ULTRAPREP_PYTHON ?? '.venv/bin/python';
const torch =
  existsSync(python) &&
  (await run(python, ['-c', 'import torch.utils.data']).then(
    () => true,
    () => false,
  ));
if (!torch) console.warn(`no torch for ${python}: interop tests of the dataset are skipped; \`npm run venv\` makes it`);

const cwd = temporaryFolder();
const out = join(cwd, 'out');
const PASSES = 4;

beforeAll(async () => {
  if (!torch) return;
  const text = (n: number) => Array.from({ length: n }, (_, i) => `word${(i * 7919) % 97}`).join(' ');
  const records = Array.from({ length: 110 }, (_, i) => ({ prompt: text(1 + (i % 5)), response: text((i * i) % 60) }));
  writeJsonl(join(cwd, 'a.jsonl'), records);
  const settings = { name: 'd', inputs: [{ paths: ['a.jsonl'] }], tokenizer: TOKENIZER, window: 384, validation: 0.1 };
  const form = { per: 'document', complementary: true, random_length: 0.5, context_alpha: 0.5, at_least_one: true };
  const pipeline = { ...settings, format: 'prompt-response', noise: { passes: PASSES, ...form } };
  await prep([writePipeline(cwd, pipeline), '--out', out], { cwd });
  for (const policy of ['document-causal', 'block-diffusion', 'direct'] as const)
    await writeMasks(out, { policy, diffusionBlock: 48, anneal: null });
  const anneal = { from: 'direct', until: 1, epochs: 1, seed: 3 } as const;
  await writeMasks(out, { policy: 'adaptive', diffusionBlock: 48, anneal });
});

interface Found {
  /** (epoch, window) of each step, by windows a step. */
  readonly steps: Readonly<Record<string, readonly (readonly (readonly [number, number])[])[]>>;
  readonly items: Readonly<Record<string, Readonly<Record<'items' | 'cut' | 'weighted' | 'complements', number>>>>;
}

/** Epoch e reads pass e, or e - PASSES, in the order of its pair; each epoch begins with a batch. */
async function batchesOf(size: number): Promise<[number, number][][]> {
  const corpus = await openCorpus(out);
  const train = corpus.numbers('train');
  const steps: [number, number][][] = [];
  for (let epoch = 0; epoch <= PASSES; epoch++) {
    const pass = epoch % PASSES;
    const order = permutation(train.length, corpus.manifest.order.seed, pass - (pass % 2));
    for (let at = 0; at < order.length; at += size)
      steps.push(Array.from(order.subarray(at, at + size), (i) => [epoch, train[i]!]));
  }
  await corpus.close();
  return steps;
}

describe.runIf(torch)('torch', () => {
  test('reads the trainer’s batches on any ranks, complements and cut windows, in which no row sees what was cut', async () => {
    const script = ['-W', 'ignore', 'test/interop/read_dataset.py', out, 'document-causal', 'direct-to-adaptive-000'];
    const found = JSON.parse((await run(python, script, { maxBuffer: 2 ** 26 })).stdout) as Found;
    expect(Object.keys(found.steps)).toEqual(['1', '6', '8']);
    for (const [size, steps] of Object.entries(found.steps)) expect(steps, size).toEqual(await batchesOf(Number(size)));
    // Not every epoch ends with a whole batch.
    expect(found.steps['6']!.some((step) => step.length < 6)).toBe(true);
    const train = found.steps['1']!.length / (PASSES + 1);
    for (const { items, cut, weighted, complements } of Object.values(found.items)) {
      expect(items).toBe(2 * train);
      expect(cut).toBeGreaterThan(train / 2);
      expect(weighted).toBeGreaterThan(train / 2);
      expect(complements).toBeGreaterThan(train / 2);
    }
  }, 120_000);
});
