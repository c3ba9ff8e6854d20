/** Every file in pipelines/ runs, every policy and the longest window too, and what they write is as they say. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Inspection, Verification } from '../../src/run/index.ts';
import { type Manifest, openCorpus } from '../../src/shard/index.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, ROOT, SAMPLES, TOKENIZER } from '../support/prep.ts';

const cwd = temporaryFolder();
/** What the files that people edit say, not numbers of this test's own. */
const QUICKSTART_WINDOW = Number(
  /^window: (\d+)$/m.exec(readFileSync(join(ROOT, 'pipelines/quickstart.yaml'), 'utf8'))?.[1],
);
const DOCUMENTS = Number(
  /^\| total \| ([\d,]+) /m.exec(readFileSync(join(SAMPLES, 'README.md'), 'utf8'))?.[1]?.replaceAll(',', ''),
);
const CORPUS = join(SAMPLES, 'corpus');
const FILES = readdirSync(join(ROOT, 'pipelines')).sort();
const file = (name: string) => join(ROOT, 'pipelines', name);

async function verified(out: string): Promise<{ manifest: Manifest; inspection: Inspection }> {
  const verification = JSON.parse((await prep(['verify', out, '--json'], { cwd })).stdout) as Verification;
  expect(verification.problems).toEqual([]);
  const manifest = JSON.parse(readFileSync(join(cwd, out, 'manifest.json'), 'utf8')) as Manifest;
  expect(verification.windows).toBe(manifest.windows.train + manifest.windows.validation);
  const inspection = JSON.parse((await prep(['inspect', out, '--json'], { cwd })).stdout) as Inspection;
  return { manifest, inspection };
}

test('each file in pipelines/ has a test here', () => {
  expect(FILES).toEqual(['quickstart.yaml', 'ultrallada-128k.yaml']);
});

test('prep without an argument: the quickstart in out/quickstart; inspect --json has the numbers of the manifest', async () => {
  const { stdout } = await prep([], { cwd });
  expect(stdout).toMatch(/next: prep inspect out\/quickstart/);
  const { manifest, inspection } = await verified('out/quickstart');
  const { ledger, windows, windowLength, tokenizer, policy, plan } = manifest;
  const { documents, tokens } = ledger;
  expect(inspection).toMatchObject({
    name: 'quickstart',
    plan,
    policy,
    tokenizer,
    windows,
    windowLength: QUICKSTART_WINDOW,
    textBytes: ledger.bytes,
  });
  expect(inspection.documents).toEqual({ read: documents.read, packed: documents.packed, rejected: 0 });
  expect(inspection.tokens).toEqual({ read: tokens.read, repeated: 0, inserted: 0, packed: tokens.packed, dropped: 0 });
  expect(inspection.fill).toBe(tokens.packed / ((windows.train + windows.validation) * windowLength));
  expect(inspection.lengths.reduce((sum, bin) => sum + bin.documents, 0)).toBe(documents.read);
  expect(inspection.sources.map(({ source }) => source)).toEqual([
    'chapters',
    'definitions',
    'novels',
    'poems',
    'rights',
  ]);
  expect(inspection.checks).toEqual({ ok: true, problems: [] });
  // Without a folder, the newest one under out/.
  expect((await prep(['inspect'], { cwd })).stdout).toContain('quickstart');
  expect((await prep(['verify'], { cwd })).stdout).toMatch(/out\/quickstart: whole/);
});

test('--explain prints the stages with their fingerprints and writes nothing', async () => {
  const { stdout } = await prep(['--explain', '--out', 'nothing'], { cwd });
  expect([...stdout.matchAll(/─ (\w+)/g)].map(([, stage]) => stage)).toEqual([
    'read',
    'tokenize',
    'pack',
    'mask',
    'shard',
    'noise',
  ]);
  expect(readdirSync(cwd)).not.toContain('nothing');
});

test('--json prints JSON lines that end with the folder and the plan', async () => {
  const poems = join(CORPUS, 'poems.parquet');
  const { stdout } = await prep(
    ['pack', poems, '--tokenizer', TOKENIZER, '--window', '1k', '--out', 'json', '--json'],
    { cwd },
  );
  const lines = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.at(-1)).toMatchObject({
    event: 'done',
    dir: join(cwd, 'json'),
    plan: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
  });
});

test('ultrallada-128k: windows of 131072 tokens with the ids of LLaDA', async () => {
  await prep([file('ultrallada-128k.yaml'), '--input', CORPUS, '--tokenizer', TOKENIZER, '--out', '128k'], { cwd });
  const { manifest, inspection } = await verified('128k');
  expect(manifest.windowLength).toBe(131072);
  expect(manifest.tokenizer.specialIds).toEqual({ mask: 126336, bos: 126080, eos: 126081, pad: 126081 });
  expect(manifest.tokenizer.vocabSize).toBe(126337);
  expect(inspection.noise).toEqual([
    { pass: 0, settings: { schedule: 'linear', eps: 0.001, batch_windows: 32 }, bitsets: false },
  ]);
  const corpus = await openCorpus(join(cwd, '128k'));
  const { inputIds, numTokens, mask, segments } = await corpus.read(0);
  await corpus.close();
  expect(inputIds).toHaveLength(131072);
  expect([...new Set(inputIds.subarray(numTokens))].filter((id) => id !== 126081)).toEqual([]);
  expect(mask.cuSeqlens).toHaveLength(segments.length + 1 + (numTokens < 131072 ? 1 : 0));
  expect(mask.blockMask).toHaveLength((131072 / 128) * 4);
});

test.each([
  ['eod', '2k', DOCUMENTS],
  ['direct', '2k', 0],
  ['adaptive', '1M', 0],
])('policy %s with windows of %s over the sample verifies', async (policy, window, inserted) => {
  const out = `${policy}-${window}`;
  await prep(['pack', CORPUS, '--tokenizer', TOKENIZER, '--policy', policy, '--window', window, '--out', out], { cwd });
  const { manifest, inspection } = await verified(out);
  expect(manifest.policy).toBe(policy);
  expect(manifest.windowLength).toBe(window === '1M' ? 2 ** 20 : 2048);
  expect(manifest.ledger.tokens.inserted).toBe(inserted);
  expect(manifest.ledger.documents).toEqual({ read: DOCUMENTS, packed: DOCUMENTS, dropped: {} });
  // eod and direct attend to the whole window, padding aside.
  if (policy !== 'adaptive' && window === '2k') expect(inspection.longestGroup).toBe(2048);
});
