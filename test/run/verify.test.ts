/** `prep verify` on several threads says what it says on one; `--deep` compares tokens with those of the sources. */
import { cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { atLeastOne } from '../../src/run/deep.ts';
import { verifyCorpus } from '../../src/run/index.ts';
import { remade } from '../../src/run/remade.ts';
import { checkSplit } from '../../src/run/verify-split.ts';
import { firstNumbers, type Manifest, openCorpus } from '../../src/shard/index.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, SAMPLES, TOKENIZER } from '../support/prep.ts';

const dir = temporaryFolder();
const inputs = join(dir, 'inputs');
const chapters = readFileSync(join(SAMPLES, 'corpus/chapters.jsonl'), 'utf8').split('\n').slice(0, 60);
const deep = (share: number) => ({ share, seed: 0, root: inputs });

/** Of the same size, whatever letters are in it. */
const stored = (text: string) => gzipSync(text, { level: 0 });

/** Inputs in every form that is read in its own way, two of them cut while they are read. */
beforeAll(async () => {
  mkdirSync(inputs);
  const definitions = gunzipSync(readFileSync(join(SAMPLES, 'corpus/definitions.jsonl.gz'))).toString();
  writeFileSync(join(inputs, 'a.jsonl'), `${chapters.slice(0, 20).join('\n')}\n`);
  writeFileSync(join(inputs, 'b.jsonl.gz'), stored(definitions.slice(0, definitions.lastIndexOf('\n', 60_000) + 1)));
  writeFileSync(join(inputs, 'c.json'), `[${chapters.slice(20, 40).join(',\n')}]`);
  writeFileSync(join(inputs, 'd.txt'), 'A text that is a file.\n'.repeat(50));
  cpSync(join(SAMPLES, 'corpus/poems.parquet'), join(inputs, 'e.parquet'));
  const args = ['--tokenizer', TOKENIZER, '--window', '512', '--split-bytes', '16KiB', '--policy', 'eod'];
  await prep(['pack', 'inputs', '--out', 'sound', ...args], { cwd: dir });
  cpSync(join(dir, 'sound'), join(dir, 'broken'), { recursive: true });
});

test('three threads and one: the same, of a sound corpus and of one with damage in several splits', async () => {
  const one = await verifyCorpus(join(dir, 'sound'), { workers: 1 });
  expect(one.problems).toEqual([]);
  expect(one.documents).toBeGreaterThan(100);
  expect(await verifyCorpus(join(dir, 'sound'), { workers: 3 })).toEqual(one);
  const names = readdirSync(join(dir, 'broken/shards')).filter((_, i) => i % 3 === 0);
  expect(names.length).toBeGreaterThan(3);
  for (const name of names) {
    const path = join(dir, 'broken/shards', name);
    const bytes = readFileSync(path);
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(path, bytes);
  }
  const damaged = await verifyCorpus(join(dir, 'broken'), { workers: 1 });
  expect(damaged.problems).toEqual(names.map((name) => `shards/${name}: content differs from its checksum`));
  expect(await verifyCorpus(join(dir, 'broken'), { workers: 3 })).toEqual(damaged);
});

test('--deep reads a share of the documents again, whatever their form, on any number of threads', async () => {
  const all = await verifyCorpus(join(dir, 'sound'), { workers: 2, deep: deep(1) });
  expect(all.problems).toEqual([]);
  expect(all.compared).toBe(all.documents);
  const some = await verifyCorpus(join(dir, 'sound'), { workers: 1, deep: deep(0.2) });
  expect(some.problems).toEqual([]);
  expect(some.compared).toBeGreaterThan(0.05 * all.documents);
  expect(some.compared).toBeLessThan(0.4 * all.documents);
  expect(await verifyCorpus(join(dir, 'sound'), { workers: 3, deep: deep(0.2) })).toEqual(some);
  const { stdout } = await prep(['verify', 'sound', '--deep', '--share', '100%'], { cwd: dir });
  expect(stdout).toContain(`${all.documents} of ${all.documents} documents read again from their sources`);
});

test.each(['a.jsonl', 'b.jsonl.gz', 'c.json', 'd.txt'])(
  '--deep finds documents that have other letters in their source now: %s',
  async (name) => {
    const path = join(inputs, name);
    const before = readFileSync(path);
    const compressed = name.endsWith('.gz');
    const text = (compressed ? gunzipSync(before) : before).toString();
    const changed = text.replaceAll(/ (the|is) /g, (_, word) => (word === 'is' ? ' si ' : ' teh '));
    expect(changed).not.toBe(text);
    writeFileSync(path, compressed ? stored(changed) : changed);
    try {
      const { problems } = await verifyCorpus(join(dir, 'sound'), { workers: 1, deep: deep(1) });
      expect(
        problems.filter((problem) => / token \d+ (is \d+,|or .* that of) its source \(document/.test(problem)),
      ).not.toEqual([]);
      for (const problem of problems) expect(problem).toMatch(/its source/);
    } finally {
      writeFileSync(path, before);
    }
  },
);

test('--deep with a damaged table in an input that is cut while it is read: the splits behind it are compared all the same', async () => {
  cpSync(join(dir, 'sound'), join(dir, 'torn'), { recursive: true });
  const { splits } = JSON.parse(readFileSync(join(dir, 'sound/manifest.json'), 'utf8')) as Manifest;
  const plan = JSON.parse(readFileSync(join(dir, 'sound/plan.json'), 'utf8')) as { splits: { slots?: number }[] };
  const first = firstNumbers(plan.splits)[plan.splits.findIndex(({ slots }) => slots !== undefined)]!;
  const ranges = splits.filter(({ split }) => split >= first && split < first + 3);
  expect(ranges.length).toBe(3);
  const path = join(dir, 'torn', ranges[0]!.table!.path);
  const bytes = readFileSync(path);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(path, bytes);
  const { problems, compared, documents } = await verifyCorpus(join(dir, 'torn'), { workers: 1, deep: deep(1) });
  expect(problems.filter((problem) => problem.includes('its source'))).toEqual([]);
  expect(compared).toBe(documents - ranges[0]!.documents);
});

test('what lies in the tails is compared too', async () => {
  writeFileSync(join(dir, 'few.jsonl'), `${chapters.slice(0, 3).join('\n')}\n`);
  await prep(['pack', 'few.jsonl', '--out', 'few', '--tokenizer', TOKENIZER, '--window', '1M'], { cwd: dir });
  expect(readdirSync(join(dir, 'few/shards'))).toEqual(['00001-00000.arrow']);
  const few = { share: 1, seed: 0, root: dir };
  expect(await verifyCorpus(join(dir, 'few'), { deep: few })).toMatchObject({ compared: 3, problems: [] });
  const text = readFileSync(join(dir, 'few.jsonl'), 'utf8');
  writeFileSync(join(dir, 'few.jsonl'), text.replaceAll(' the ', ' teh '));
  const { problems } = await verifyCorpus(join(dir, 'few'), { workers: 2, deep: few });
  expect(problems.filter((problem) => problem.startsWith('shards/00001-00000.arrow, window 0: token')).length).toBe(3);
});

test('documents that were truncated before a separator are those of their sources, as far as they go', async () => {
  const args = ['--tokenizer', TOKENIZER, '--window', '256', '--policy', 'eod', '--long-documents', 'truncate'];
  await prep(['pack', 'inputs/a.jsonl', '--out', 'truncated', ...args], { cwd: dir });
  const { compared, problems, documents } = await verifyCorpus(join(dir, 'truncated'), { deep: deep(1) });
  expect(problems).toEqual([]);
  expect(compared).toBe(documents);
});

test.each([
  ['eod', 'best-fit'],
  ['eod', 'concat'],
  ['adaptive', 'best-fit'],
  ['adaptive', 'concat'],
])('documents that lost a remainder are those of their sources: %s, %s', async (policy, packing) => {
  const out = `least-${policy}-${packing}`;
  const args = ['--tokenizer', TOKENIZER, '--window', '256', '--min-segment', '150', '--split-bytes', '16KiB'];
  await prep(['pack', 'inputs/a.jsonl', '--out', out, ...args, '--policy', policy, '--packing', packing], { cwd: dir });
  const { compared, problems, documents } = await verifyCorpus(join(dir, out), { deep: deep(1) });
  expect(problems).toEqual([]);
  expect(compared).toBe(documents);
  const { ledger } = JSON.parse(readFileSync(join(dir, out, 'manifest.json'), 'utf8')) as Manifest;
  expect(ledger.tokens.dropped['short-remainder']).toBeGreaterThan(0);
});

test('ids that lie in a file are let go of when their split has been looked at', async () => {
  const corpus = await openCorpus(join(dir, 'sound'));
  let released = 0;
  const ids = { length: 1, subarray: () => new Int32Array(1), release: () => void released++ };
  const again = () => Promise.resolve(new Map([[0, remade(ids, 0, 1, 0)]]));
  const check = await checkSplit({ corpus, plan: undefined, consistent: true, index: 0, again, onWindows() {} });
  await corpus.close();
  expect([check.compared, released]).toEqual([1, 1]);
});

test('--deep without its inputs says so', async () => {
  const refused = async (args: string[], says: RegExp, exit: number) => {
    const { code, stderr } = await runPrep(['verify', 'sound', ...args], { cwd: dir });
    expect([code, stderr]).toEqual([exit, expect.stringMatching(says)]);
  };
  await refused(['--deep', '--root', 'sound'], /INPUT_NOT_FOUND/, 65);
  await refused(['--share', '5%'], /USAGE.*--share is for --deep/, 64);
});

test('--deep with a share that draws no document reads the one whose draw is least; no share is refused', async () => {
  await prep(['pack', 'inputs/a.jsonl', '--out', 'small', '--tokenizer', TOKENIZER, '--window', '512'], { cwd: dir });
  const compared = async (args: string[]) => {
    const { stdout } = await prep(['verify', 'small', '--deep', '--json', ...args], { cwd: dir });
    return (JSON.parse(stdout) as { compared: number }).compared;
  };
  // Seeds whose 1 % of 20 documents is none: most of them.
  const { splits } = JSON.parse(readFileSync(join(dir, 'small/manifest.json'), 'utf8')) as Manifest;
  const none = [0, 1, 2].filter((seed) => atLeastOne({ splits }, { share: 1e-9, seed, root: '' }).share > 0.01);
  expect(none.length).toBeGreaterThan(0);
  for (const seed of none) expect(await compared(['--seed', String(seed)])).toBe(1);
  const { stdout } = await prep(['verify', 'small', '--deep', '--seed', String(none[0])], { cwd: dir });
  expect(stdout).toMatch(/whole\n.*\n {2}1 of 20 documents read again from their sources\n$/);
  const plain = await prep(['verify', 'small'], { cwd: dir });
  expect(plain.stdout).toContain('no document read again from its source (--deep does)');
  // And it is looked at: the one document that is another in its source now is found, whatever the share.
  const before = readFileSync(join(inputs, 'a.jsonl'), 'utf8');
  writeFileSync(join(inputs, 'a.jsonl'), before.replaceAll(' the ', ' teh '));
  try {
    const changed = await runPrep(['verify', 'small', '--deep', '--share', '1e-9'], { cwd: dir });
    expect([changed.code, changed.stdout]).toEqual([1, expect.stringContaining('its source')]);
  } finally {
    writeFileSync(join(inputs, 'a.jsonl'), before);
  }
  for (const share of ['0', '0%', '-1', '1.5', '101%', 'x']) {
    const refused = await runPrep(['verify', 'small', '--deep', `--share=${share}`], { cwd: dir });
    expect([refused.code, refused.stderr]).toEqual([64, expect.stringMatching(/--share <share>.*expected a /)]);
  }
});
