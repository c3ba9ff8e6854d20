import { cpSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { tableFromIPC } from 'apache-arrow';
import { beforeAll, expect, test } from 'vitest';
import type { PrepError } from '../../src/core/errors.ts';
import { permutation } from '../../src/core/random.ts';
import { blockMask, hasGoneOver, type Policy } from '../../src/mask/index.ts';
import { inspectCorpus, type MaskSettings, verifyCorpus, writeMasks } from '../../src/run/index.ts';
import { openCorpus } from '../../src/shard/index.ts';
import { writePipeline, writeSmallCorpus, SMALL } from '../support/corpus.ts';
import { contents, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep } from '../support/prep.ts';

const cwd = temporaryFolder();
const plain = (policy: Policy, diffusionBlock = 32): MaskSettings => ({ policy, diffusionBlock, anneal: null });
const annealed = (until: number, epochs = 1, seed = 5): MaskSettings => ({
  policy: 'adaptive',
  diffusionBlock: 32,
  anneal: { from: 'eod', until, epochs, seed },
});
const at = (name: string) => join(cwd, name);
let copies = 0;
/** A corpus of its own for a test. */
function fresh(of: string): string {
  const dir = at(`copy-${copies++}`);
  cpSync(at(of), dir, { recursive: true });
  return dir;
}
const codeOf = (made: Promise<unknown>): Promise<string> =>
  made.then(
    () => 'none',
    (error: PrepError) => error.code,
  );

interface Row {
  readonly policy: string;
  readonly cuSeqlens: number[];
  readonly blockMask: number[];
}
/** The rows of a table, over all shards, in the order of the windows. */
async function rowsOf(dir: string, name: string): Promise<Row[]> {
  const { splits } = await openManifest(dir);
  return splits.flatMap(({ shards }) =>
    shards.flatMap(({ path }) => {
      const table = tableFromIPC(readFileSync(join(dir, 'masks', name, path.replace('shards/', ''))));
      return Array.from(table, (row) => ({
        policy: row!.policy as string,
        cuSeqlens: [...row!.cu_seqlens] as number[],
        blockMask: [...row!.block_mask] as number[],
      }));
    }),
  );
}
async function openManifest(dir: string) {
  const corpus = await openCorpus(dir);
  await corpus.close();
  return corpus.manifest;
}

beforeAll(async () => {
  writeSmallCorpus(cwd);
  for (const policy of ['eod', 'adaptive'] as const) {
    writePipeline(cwd, { ...SMALL, policy, noise: { passes: 0 } }, `${policy}.yaml`);
    await prep([`${policy}.yaml`, '--out', policy], { cwd });
  }
});

test('another policy’s masks are those of the boundaries, and nothing else is touched', async () => {
  const dir = fresh('eod');
  const before = contents(dir);
  for (const settings of [plain('adaptive'), plain('document-causal'), plain('block-diffusion', 16)])
    await writeMasks(dir, settings);
  const after = contents(dir);
  for (const [path, content] of Object.entries(before)) expect(after[path]).toEqual(content);
  const corpus = await openCorpus(dir);
  for (const [name, policy] of [
    ['adaptive', 'adaptive'],
    ['document-causal', 'document-causal'],
    ['block-diffusion-16', 'block-diffusion'],
  ] as const)
    for (const [window, row] of (await rowsOf(dir, name)).entries()) {
      const { segments, numTokens } = await corpus.layout(window);
      const { cuSeqlens, blockMask: blocks } = blockMask(segments, numTokens, 512, policy, 16);
      expect(row).toEqual({ policy, cuSeqlens: [...cuSeqlens], blockMask: [...blocks] });
    }
  await corpus.close();
  expect(await verifyCorpus(dir)).toMatchObject({ problems: [], maskTables: 3 });
  const { masks, checks } = await inspectCorpus(dir);
  const windows = (await openManifest(dir)).windows;
  expect(masks[0]).toEqual({ name: 'adaptive', windows: { adaptive: windows.train + windows.validation } });
  expect(checks.ok).toBe(true);
});

test('a table that is there is not made again; one that was cut short, or lost a file, is, byte for byte', async () => {
  const dir = fresh('eod');
  expect(await writeMasks(dir, plain('adaptive'))).toEqual(['adaptive']);
  const whole = contents(dir);
  expect(await writeMasks(dir, plain('adaptive'))).toEqual([]);
  const cut = fresh('eod');
  const stop = writeMasks(cut, plain('adaptive'), (done) => {
    if (done === 3) throw new Error('stopped');
  });
  await expect(stop).rejects.toThrow('stopped');
  expect(Object.keys(contents(cut))).not.toContain('receipts/mask-adaptive.json');
  const [name] = readdirSync(join(cut, 'masks/adaptive'));
  const { mtimeNs, ino } = statSync(join(cut, 'masks/adaptive', name!), { bigint: true });
  expect(await writeMasks(cut, plain('adaptive'))).toEqual(['adaptive']);
  expect(contents(cut)).toEqual(whole);
  // What was committed stays as it is.
  expect(statSync(join(cut, 'masks/adaptive', name!), { bigint: true })).toMatchObject({ mtimeNs, ino });
  rmSync(join(cut, 'masks/adaptive', name!));
  expect(await writeMasks(cut, plain('adaptive'))).toEqual(['adaptive']);
  expect(contents(cut)).toEqual(whole);
});

test('annealing: windows go over in training order, all of them by the end, validation windows from the start', async () => {
  const dir = fresh('eod');
  expect(await writeMasks(dir, annealed(0.75, 2))).toEqual(['eod-to-adaptive-000', 'eod-to-adaptive-001']);
  const { order, windows } = await openManifest(dir);
  const corpus = await openCorpus(dir);
  const [train, validation] = [corpus.numbers('train'), corpus.numbers('validation')];
  await corpus.close();
  const shares: number[] = [];
  for (const epoch of [0, 1]) {
    const rows = await rowsOf(dir, `eod-to-adaptive-00${epoch}`);
    for (const window of validation) expect(rows[window]!.policy).toBe('adaptive');
    const inOrder = [...permutation(windows.train, order.seed, epoch)].map((i) => rows[train[i]!]!);
    for (const [position, { policy, cuSeqlens }] of inOrder.entries()) {
      const progress = (epoch * windows.train + position) / (2 * windows.train);
      if (progress >= 0.75) expect(policy).toBe('adaptive');
      if (policy === 'eod') expect(cuSeqlens.length).toBeLessThanOrEqual(3);
    }
    const half = inOrder.length >> 1;
    for (const some of [inOrder.slice(0, half), inOrder.slice(half)])
      shares.push(some.filter(({ policy }) => policy === 'adaptive').length / some.length);
  }
  // Of the quarters of the training a sixth, a half, five sixths and all, on average: within 4 standard deviations of a share.
  const deviation = 4 * Math.sqrt(0.25 / (windows.train / 2));
  for (const [i, wanted] of [1 / 6, 1 / 2, 5 / 6, 1].entries())
    expect(Math.abs(shares[i]! - wanted)).toBeLessThan(wanted === 1 ? 1e-9 : deviation);
  expect(await verifyCorpus(dir)).toMatchObject({ problems: [], maskTables: 2 });
});

test('the draws of an annealing are pinned, and depend on seed, epoch and window', () => {
  const settings = { from: 'eod', until: 1, epochs: 1, seed: 5 } as const;
  const draws = (of: Partial<typeof settings> | { seed: number }, epoch = 0) =>
    Array.from({ length: 16 }, (_, window) =>
      hasGoneOver({ ...settings, ...of }, epoch, window, 50, 100) ? 1 : 0,
    ).join('');
  expect(draws({})).toBe('1011011011111011');
  expect(draws({ seed: 6 })).not.toBe(draws({}));
});

test.each([
  [
    'eod',
    plain('eod'),
    'adaptive',
    /POLICY_REFUSED: .*needs an end token after each document.*packed without one, as adaptive/,
  ],
  ['hybrid', plain('hybrid'), 'eod', /POLICY_REFUSED: .*packed without a group_field/],
  ['direct', plain('direct'), 'eod', /POLICY_REFUSED: .*no end token between documents.*packed with one, as eod/],
] as const)('%s is refused where the tokens do not allow it', async (policy, settings, of, message) => {
  expect(await codeOf(writeMasks(at(of), settings))).toBe('POLICY_REFUSED');
  const { code, stderr } = await runPrep(['mask', of, '--policy', policy], { cwd });
  expect(code).toBe(65);
  expect(stderr).toMatch(message);
  expect(readdirSync(at(`${of}/masks`))).toEqual([of]);
});

test('annealing from eod needs end tokens as well', async () => {
  expect(await codeOf(writeMasks(at('adaptive'), annealed(1)))).toBe('POLICY_REFUSED');
});

test('no corpus, an unknown policy, another plan’s table, other settings under one name', async () => {
  expect(await codeOf(writeMasks(at('nowhere'), plain('eod')))).toBe('CORPUS_NOT_FOUND');
  expect((await runPrep(['mask', 'eod', '--policy', 'both'], { cwd })).code).toBe(64);
  expect((await runPrep(['mask', 'eod', '--policy', 'adaptive', '--until', '0.5'], { cwd })).code).toBe(64);
  const dir = fresh('eod');
  await writeMasks(dir, annealed(1));
  expect(await codeOf(writeMasks(dir, annealed(0.5)))).toBe('FINGERPRINT_MISMATCH');
  const path = join(dir, 'receipts/mask-eod-to-adaptive-000.json');
  const receipt = JSON.parse(readFileSync(path, 'utf8')) as { plan: string };
  writeFileSync(path, JSON.stringify({ ...receipt, plan: 'f'.repeat(64) }));
  expect(await codeOf(writeMasks(dir, annealed(1)))).toBe('FINGERPRINT_MISMATCH');
  expect((await verifyCorpus(dir)).problems).toEqual(['receipts/mask-eod-to-adaptive-000.json: of another plan']);
});

test('prep verify finds a mask that is not that of its boundaries, behind a right checksum', async () => {
  const dir = fresh('eod');
  await writeMasks(dir, annealed(1));
  const other = fresh('eod');
  await writeMasks(other, annealed(1, 1, 6));
  // The table of another seed under the receipt of this one, files and sums as they are there.
  cpSync(join(other, 'masks/eod-to-adaptive-000'), join(dir, 'masks/eod-to-adaptive-000'), { recursive: true });
  const read = (from: string) =>
    JSON.parse(readFileSync(join(from, 'receipts/mask-eod-to-adaptive-000.json'), 'utf8')) as Record<string, unknown>;
  const path = join(dir, 'receipts/mask-eod-to-adaptive-000.json');
  writeFileSync(path, JSON.stringify({ ...read(other), anneal: read(dir)['anneal'] }));
  const { problems } = await verifyCorpus(dir);
  expect(problems.join('\n')).toMatch(/masks\/eod-to-adaptive-000\/\d+-\d+\.arrow: its attention masks are not those/);
});

test('a corpus is opened with another table, one that anneals epoch by epoch', async () => {
  const dir = fresh('eod');
  await writeMasks(dir, annealed(1, 2));
  await writeMasks(dir, plain('document-causal'));
  for (const [name, epochs] of [
    ['document-causal', ['document-causal', 'document-causal']],
    ['eod-to-adaptive', ['eod-to-adaptive-000', 'eod-to-adaptive-001', 'eod-to-adaptive-001']],
  ] as const) {
    const corpus = await openCorpus(dir, { masks: name });
    for (const [epoch, table] of epochs.entries())
      for (const [window, row] of (await rowsOf(dir, table)).entries()) {
        const { mask } = await corpus.inEpoch(epoch).layout(window);
        expect([mask.policy, [...mask.cuSeqlens], [...mask.blockMask]]).toEqual([
          row.policy,
          row.cuSeqlens,
          row.blockMask,
        ]);
      }
    await corpus.close();
  }
  const [first, last] = await Promise.all(['000', '001'].map((n) => rowsOf(dir, `eod-to-adaptive-${n}`)));
  expect(first).not.toEqual(last);
  await expect(openCorpus(dir, { masks: 'adaptive' })).rejects.toMatchObject({
    code: 'USAGE',
    message: expect.stringMatching(
      /there are document-causal, eod-to-adaptive-000, eod-to-adaptive-001.*prep mask/,
    ) as string,
  });
});
