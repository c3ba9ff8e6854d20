/** The reader in samples/pytorch gives what TypeScript gives, and what torch makes of the same masks. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, test } from 'vitest';
import { permutation } from '../../src/core/random.ts';
import { blockMask, denseMask, documentIds, flexBlocks, type Policy, positionIds } from '../../src/mask/index.ts';
import { writeMasks } from '../../src/run/index.ts';
import { openCorpus } from '../../src/shard/index.ts';
import { writeJsonl, writePipeline } from '../support/corpus.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, TOKENIZER } from '../support/prep.ts';

const run = promisify(execFile);
const python = process.env.ULTRAPREP_PYTHON ?? '.venv/bin/python';
const there = existsSync(python);
if (!there) console.warn(`no ${python}: interop tests are skipped; \`npm run venv\` makes it`);
const torch =
  there &&
  (await run(python, ['-c', 'import torch.nn.attention.flex_attention']).then(
    () => true,
    () => false,
  ));
if (there && !torch) console.warn('no torch with FlexAttention: what compares with it is skipped');

const cwd = temporaryFolder();
const out = join(cwd, 'out');
const TABLES: Readonly<Record<string, Policy>> = {
  own: 'hybrid',
  adaptive: 'adaptive',
  eod: 'eod',
  'document-causal': 'document-causal',
  'block-diffusion-48': 'block-diffusion',
};
const ANNEALED = 'eod-to-adaptive-000';

beforeAll(async () => {
  if (!there) return;
  const records = Array.from({ length: 220 }, (_, i) => ({
    text: `${i} ${'some words of it, '.repeat(1 + ((i * i) % 29))}`,
    repository: `r${(i * 7) % 31}`,
  }));
  writeJsonl(join(cwd, 'a.jsonl'), records);
  const settings = { name: 'm', inputs: [{ paths: ['a.jsonl'] }], tokenizer: TOKENIZER, window: 384 };
  const grouped = { policy: 'hybrid', group_field: 'repository', split_bytes: '16KiB', validation: 0.1 };
  await prep([writePipeline(cwd, { ...settings, ...grouped, noise: { passes: 0 } }), '--out', out], { cwd });
  const diffusionBlock = 48;
  for (const policy of ['adaptive', 'eod', 'document-causal', 'block-diffusion'] as const)
    await writeMasks(out, { policy, diffusionBlock, anneal: null });
  const anneal = { from: 'eod', until: 1, epochs: 1, seed: 3 } as const;
  await writeMasks(out, { policy: 'adaptive', diffusionBlock, anneal });
});

/** What test/interop/read_masks.py hashes of a window. */
async function hashesOf(policy: Policy): Promise<string[]> {
  const corpus = await openCorpus(out);
  const { windows, windowLength } = corpus.manifest;
  const hashes: string[] = [];
  for (let window = 0; window < windows.train + windows.validation; window++) {
    const { segments, numTokens, inputIds } = await corpus.read(window);
    const mask = blockMask(segments, numTokens, windowLength, policy, 48);
    const { kv, fullKv, q, fullQ } = flexBlocks(mask);
    const hash = createHash('sha256');
    const columns = (['start', 'length', 'document'] as const).map((name) =>
      Int32Array.from(segments, (segment) => segment[name]),
    );
    for (const array of [inputIds, documentIds(segments, windowLength), ...columns, mask.cuSeqlens, positionIds(mask)])
      hash.update(array);
    for (const { num, indices } of [kv, fullKv, q, fullQ]) hash.update(num).update(indices);
    hashes.push(hash.update(denseMask(mask, 48)).digest('hex'));
  }
  await corpus.close();
  return hashes;
}

describe.runIf(there)('numpy', () => {
  test('reads ids, boundaries, positions, FlexAttention’s lists and dense masks as they are, without a copy', async () => {
    const { stdout } = await run(python, ['test/interop/read_masks.py', out, ...Object.keys(TABLES), ANNEALED]);
    const { tables, orders } = JSON.parse(stdout) as {
      tables: Record<string, { hashes: string[]; copies: number; allocated: number }>;
      orders: string[];
    };
    for (const [name, policy] of Object.entries(TABLES)) {
      expect(tables[name]!.hashes, name).toEqual(await hashesOf(policy));
      expect(tables[name]).toMatchObject({ copies: 0, allocated: 0 });
    }
    const [eod, adaptive] = [tables['eod']!.hashes, tables['adaptive']!.hashes];
    const mixed = tables[ANNEALED]!.hashes;
    expect(mixed.every((hash, i) => hash === eod[i] || hash === adaptive[i])).toBe(true);
    expect(mixed).not.toEqual(adaptive);
    const corpus = await openCorpus(out);
    const train = corpus.numbers('train');
    const wanted = [0, 1].map((epoch) =>
      createHash('sha256')
        .update(permutation(train.length, corpus.manifest.order.seed, epoch).map((i) => train[i]!))
        .digest('hex'),
    );
    await corpus.close();
    expect(orders).toEqual(wanted);
  });
});

describe.runIf(torch)('torch', () => {
  test('makes the same block masks of every policy, also of windows that are cut', async () => {
    const script = ['-W', 'ignore', 'test/interop/read_torch.py', out, ...Object.keys(TABLES), ANNEALED];
    const found = JSON.parse((await run(python, script)).stdout) as Record<string, number>;
    expect(found['windows']).toBeGreaterThan(80);
    expect(found['partial']).toBeGreaterThan(200);
  }, 120_000);
});
