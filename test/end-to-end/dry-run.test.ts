/** What `--dry-run` says is what packing then does, and nothing is written before. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { gzipSync } from 'node:zlib';
import type { Forecast } from '../../src/run/index.ts';
import { type Manifest, openCorpus } from '../../src/shard/index.ts';
import { writeJsonl, writePipeline } from '../support/corpus.ts';
import { filesBelow, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, SAMPLES, TOKENIZER } from '../support/prep.ts';

const cwd = temporaryFolder();

async function forecast(args: readonly string[]): Promise<Forecast> {
  const { stdout } = await prep([...args, '--dry-run', '--json'], { cwd });
  const last = JSON.parse(stdout.trim().split('\n').at(-1)!) as { event: string } & Forecast;
  expect(last.event).toBe('forecast');
  return last;
}

interface Made {
  readonly manifest: Manifest;
  readonly pairs: number;
  /** Sums over documents and windows, as the other policies would have them. */
  readonly causal: number;
  readonly whole: number;
  readonly longest: readonly number[];
  /** Pairs of two positions by the power of two below their distance. */
  readonly distances: readonly number[];
  bytes(folder: string): number;
}

/** What is in a corpus, counted window by window. */
async function made(out: string): Promise<Made> {
  const manifest = JSON.parse(readFileSync(join(cwd, out, 'manifest.json'), 'utf8')) as Manifest;
  const corpus = await openCorpus(join(cwd, out));
  let [pairs, causal, whole] = [0, 0, 0];
  const longest: number[] = [];
  const distances: number[] = [];
  for (const subset of ['train', 'validation'] as const)
    for (const number of corpus.numbers(subset)) {
      const { mask, segments, numTokens } = await corpus.layout(number);
      pairs += mask.allowedPairs;
      whole += numTokens ** 2;
      for (const { length } of segments) for (let i = 1; i <= length; i++) causal += i;
      const groups: number[] = [];
      for (let g = 0; g + 1 < mask.cuSeqlens.length && mask.cuSeqlens[g]! < numTokens; g++)
        groups.push(mask.cuSeqlens[g + 1]! - mask.cuSeqlens[g]!);
      longest.push(Math.max(...groups));
      for (const length of groups)
        for (let d = 1; d < length; d++) {
          const k = Math.floor(Math.log2(d));
          distances[k] = (distances[k] ?? 0) + 2 * (length - d);
        }
    }
  await corpus.close();
  const bytes = (folder: string) =>
    filesBelow(join(cwd, out, folder)).reduce((sum, path) => sum + statSync(join(cwd, out, folder, path)).size, 0);
  return { manifest, pairs, causal, whole, longest, distances, bytes };
}

function expectSame(found: Forecast, { manifest, ...of }: Made, trainLength: number): void {
  expect(found.exact).toBe(true);
  expect(found.plan).toBe(manifest.plan);
  expect(found.windows).toEqual(manifest.windows);
  expect(found.ledger).toEqual(manifest.ledger);
  expect(found.ledgerBySource).toEqual(manifest.ledgerBySource);
  const windows = manifest.windows.train + manifest.windows.validation;
  expect(found.fill).toBe(manifest.ledger.tokens.packed / (windows * manifest.windowLength));
  const longer = of.longest.filter((length) => length > trainLength).length;
  expect(found.longer).toEqual({ trainLength, share: longer / windows });
  const all = of.distances.reduce((sum, n) => sum + (n ?? 0), 0);
  for (const [k, { from, share }] of found.coverage.entries()) {
    expect(from).toBe(2 ** k);
    expect(share).toBeCloseTo((of.distances[k] ?? 0) / all, 10);
  }
  expect(found.disk.files).toBe(manifest.splits.reduce((sum, { shards }) => sum + shards.length, 0));
  for (const [what, folder] of [
    ['shards', 'shards'],
    ['masks', `masks/${manifest.policy}`],
    ['noise', 'noise'],
  ] as const) {
    const bytes = of.bytes(folder);
    expect(Math.abs(found.disk[what] - bytes) / bytes, `${what}: ${found.disk[what]}, there are ${bytes}`).toBeLessThan(
      0.01,
    );
  }
}

const costOf = ({ costs }: Forecast, policy: string) => costs.find((cost) => cost.policy === policy);

beforeAll(() => {
  // Documents of all lengths below the window, often equal ones.
  const records = Array.from({ length: 900 }, (_, i) => ({
    text: `${i % 40 === 0 ? 0 : i} ${'words of it, '.repeat(1 + ((i * i) % 57))}`,
  }));
  mkdirSync(join(cwd, 'in'));
  writeJsonl(join(cwd, 'in/a.jsonl'), records.slice(0, 400));
  writeFileSync(
    join(cwd, 'in/b.jsonl.gz'),
    gzipSync(
      records
        .slice(400)
        .map((one) => `${JSON.stringify(one)}\n`)
        .join(''),
    ),
  );
});

test.each(['adaptive', 'direct', 'eod', 'document-causal', 'block-diffusion'] as const)(
  'a generated corpus under %s',
  async (policy) => {
    const args = ['pack', 'in', '--tokenizer', TOKENIZER, '--window', '512', '--split-bytes', '16KiB', '--out', policy];
    const flags = [...args, '--policy', policy, '--validation', '5%', '--passes', '2'];
    const found = await forecast([...flags, '--train-length', '150']);
    expect(readdirSync(cwd)).not.toContain(policy);
    await prep(flags, { cwd });
    const corpus = await made(policy);
    expectSame(found, corpus, 150);
    const cost = (costOf(found, policy) ?? costOf(found, 'as planned'))!;
    expect([cost.windows, cost.pairs]).toEqual([corpus.longest.length, corpus.pairs]);
    if (policy !== 'eod' && policy !== 'block-diffusion') {
      expect(costOf(found, 'document-causal')!.pairs).toBe(corpus.causal);
      expect(costOf(found, 'direct')!.pairs).toBe(corpus.whole);
    }
  },
);

test('a mixture with duplicates, budgets, copies, bounds, policies and truncated documents', async () => {
  const settings = {
    name: 'mixed',
    inputs: [
      { source: 'a', paths: ['in/a.jsonl'], epochs: 2.5, policy: 'eod' },
      { source: 'b', paths: ['in/b.jsonl.gz'], tokens: 20_000 },
    ],
    duplicates: 'drop',
    min_tokens: 8,
    validation: 0.1,
    tokenizer: TOKENIZER,
    window: 128,
    packing: { method: 'first-fit', long_documents: 'truncate', shuffle: true },
    split_bytes: '16KiB',
  };
  writePipeline(cwd, settings, 'mixed.yaml');
  const found = await forecast(['mixed.yaml', '--out', 'mixed', '--train-length', '100']);
  await prep(['mixed.yaml', '--out', 'mixed'], { cwd });
  const corpus = await made('mixed');
  expectSame(found, corpus, 100);
  expect(Object.keys(found.ledger.documents.dropped).sort()).toEqual(['duplicate', 'over-budget', 'too-few-tokens']);
  expect(found.ledger.tokens.dropped.truncated).toBeGreaterThan(0);
  expect(costOf(found, 'as planned')!.pairs).toBe(corpus.pairs);
});

test('the sample, whose long documents are cut by their text: said, and close', async () => {
  const found = await forecast(['--out', 'sample']);
  expect(found.exact).toBe(false);
  await prep(['--out', 'sample'], { cwd });
  const { manifest } = await made('sample');
  expect(found.ledger.tokens).toEqual(manifest.ledger.tokens);
  const windows = manifest.windows.train + manifest.windows.validation;
  expect(Math.abs(found.windows.train + found.windows.validation - windows) / windows).toBeLessThan(0.03);
});

test('a share of the input is an estimate of all of it', async () => {
  const chapters = join(SAMPLES, 'corpus/chapters.jsonl');
  const args = ['pack', chapters, '--tokenizer', TOKENIZER, '--window', '512', '--split-bytes', '16KiB', '--out', 'x'];
  const [all, part] = [await forecast(args), await forecast([...args, '--share', '40%'])];
  expect(part.exact).toBe(false);
  expect(part.share).toBeGreaterThan(0.25);
  expect(part.share).toBeLessThan(0.55);
  expect(part.ledger.tokens.read / all.ledger.tokens.read).toBeGreaterThan(0.8);
  expect(part.ledger.tokens.read / all.ledger.tokens.read).toBeLessThan(1.25);
  const { stdout } = await prep([...args, '--dry-run', '--share', '40%'], { cwd });
  expect(stdout).toMatch(/an estimate, from \d+\.\d % of the input \(\d+ of \d+ splits\)/);
});

test.each(['lines.jsonl.gz', 'array.json', 'both'])(
  'of %s, cut while it is read, a share is its beginning',
  async (name) => {
    const lines = readFileSync(join(SAMPLES, 'corpus/chapters.jsonl'), 'utf8').trimEnd().split('\n');
    mkdirSync(join(cwd, 'both'), { recursive: true });
    for (const folder of ['.', 'both']) {
      writeFileSync(join(cwd, folder, 'lines.jsonl.gz'), gzipSync(lines.join('\n')));
      writeFileSync(join(cwd, folder, 'array.json'), `[${lines.join(',\n')}]`);
    }
    const args = ['pack', name, '--tokenizer', TOKENIZER, '--window', '512', '--split-bytes', '16KiB', '--out', 'x'];
    const [all, part] = [await forecast(args), await forecast([...args, '--share', '20%'])];
    expect(part.share).toBeGreaterThan(0.19);
    expect(part.share).toBeLessThan(0.3);
    expect(part.looked).toEqual({ splits: 0, of: 0, begun: name === 'both' ? 2 : 1 });
    expect(part.ledger.rejected).toEqual({});
    expect(part.ledger.tokens.read / all.ledger.tokens.read).toBeGreaterThan(0.75);
    expect(part.ledger.tokens.read / all.ledger.tokens.read).toBeLessThan(1.25);
    const { stdout } = await prep([...args, '--dry-run', '--share', '20%'], { cwd });
    expect(stdout).toMatch(/an estimate, from \d+\.\d % of the input \(the beginning of \d files?\)/);
  },
);

test('flags of a dry run without one are refused', async () => {
  const { code, stderr } = await runPrep(['--share', '5%'], { cwd });
  expect(code).toBe(64);
  expect(stderr).toMatch(/^error USAGE: --share and --train-length are for --dry-run/);
});

test('a share of the input has that share of a budget', async () => {
  const settings = {
    name: 'budget',
    inputs: [{ source: 'a', paths: ['in/a.jsonl'], tokens: 8000 }],
    tokenizer: TOKENIZER,
    window: 512,
    split_bytes: '4KiB',
  };
  writePipeline(cwd, settings, 'budget.yaml');
  const found = await forecast(['budget.yaml', '--out', 'budget', '--share', '30%']);
  expect(found.ledger.tokens.packed).toBeLessThanOrEqual(8000);
  expect(found.ledger.tokens.packed).toBeGreaterThan(7000);
});
