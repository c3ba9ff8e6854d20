/** `prep noise` in every form, by its command, on a small corpus: written, resumed, verified, found wrong where it is, refused. */
import { cpSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { fromBits } from '../../src/core/bits.ts';
import { sha256 } from '../../src/io/hash.ts';
import { Masker } from '../../src/noise/index.ts';
import { verifyCorpus, writeNoise } from '../../src/run/index.ts';
import { openCorpus } from '../../src/shard/index.ts';
import { resolveNoise } from '../../src/config/index.ts';
import { writeJsonl, writePipeline } from '../support/corpus.ts';
import { contents, filesBelow, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, TOKENIZER } from '../support/prep.ts';

const cwd = temporaryFolder();
const made = join(cwd, 'made');
let copies = 0;
const copy = (): string => {
  const dir = join(cwd, `copy-${copies++}`);
  cpSync(made, dir, { recursive: true });
  return dir;
};
const noise = async (dir: string, ...flags: string[]) => prep(['noise', dir, ...flags], { cwd });

beforeAll(async () => {
  const words = (n: number) => Array.from({ length: n }, (_, i) => `word${(i * 7919) % 97}`).join(' ');
  const records = Array.from({ length: 60 }, (_, i) => ({
    prompt: words(3 + (i % 5)),
    response: words(10 + ((i * 37) % 90)),
  }));
  writeJsonl(join(cwd, 'records.jsonl'), records);
  const settings = {
    name: 'noisy',
    inputs: [{ paths: ['records.jsonl'] }],
    tokenizer: TOKENIZER,
    format: 'prompt-response',
    window: 256,
    validation: 0.1,
    noise: { passes: 1, schedule: 'geometric', per: 'document', at_least_one: true, batch_windows: 4 },
  };
  await prep([writePipeline(cwd, settings), '--out', made], { cwd });
});

const FORMS: readonly string[][] = [
  ['--schedule', 'cosine', '--per', 'document', '--batch-windows', '64'],
  ['--schedule', 'polynomial', '--exponent', '0.5', '--per', 'block', '--block-tokens', '16', '--times', 'antithetic'],
  ['--schedule', 'log-linear', '--per', 'group', '--masking', 'exact', '--complementary'],
  ['--schedule', 'linear', '--per', 'window', '--complementary', '--random-length', '50%', '--times', 'uniform'],
  ['--schedule', 'clipped', '--weights', 'one', '--context-alpha', '0.15', '--context-from', '64'],
];

test.each(FORMS.map((flags) => [flags.join(' '), flags] as const))(
  '%s: written, and proven by verify',
  async (_, flags) => {
    const dir = copy();
    await noise(dir, '--passes', '3', '--overwrite', '--bitsets', ...flags);
    const again = await noise(dir, '--passes', '3', '--bitsets', '--json', ...flags);
    expect(JSON.parse(again.stdout)).toMatchObject({ written: 0, passes: 3 });
    const { problems, passes } = await verifyCorpus(dir, { workers: 1 });
    expect({ problems, passes }).toEqual({ problems: [], passes: 3 });
    // The stored bits are what the key draws, and prompts are in none of them.
    const corpus = await openCorpus(dir);
    const { windowLength, windows } = corpus.manifest;
    const bits = new Uint8Array(windowLength / 8);
    let [masked, prompts] = [0, 0];
    for (let pass = 0; pass < 3; pass++) {
      const drawn = await corpus.noise(pass);
      const masker = new Masker(drawn.form, pass, windowLength);
      for (let window = 0; window < windows.train + windows.validation; window++) {
        const { segments } = await corpus.layout(window);
        expect(await corpus.readBits(pass, window, bits)).toBe(true);
        const stored = fromBits(bits, windowLength);
        expect(stored).toEqual(masker.mask(drawn.row(window), segments));
        masked += stored.reduce((sum, bit) => sum + bit, 0);
        for (const { start, promptTokens } of segments) {
          prompts += promptTokens;
          expect(stored.subarray(start, start + promptTokens).every((bit) => bit === 0)).toBe(true);
        }
      }
    }
    expect(masked).toBeGreaterThan(1000);
    expect(prompts).toBeGreaterThan(300);
    await corpus.close();
  },
);

test('the pipeline’s settings go on where no flag says otherwise, and inspect shows them', async () => {
  const dir = copy();
  await noise(dir, '--passes', '2');
  const { stdout } = await prep(['inspect', dir], { cwd });
  const words =
    'geometric, sigma_min 0.0001, sigma_max 20, per document, t stratified over 4 windows, at least one masked';
  expect(stdout.split('\n').filter((line) => line.includes(words))).toHaveLength(2);
});

test('a pass is the same bytes made alone, made after others, and made again after a kill', async () => {
  const dir = copy();
  const bytes = (name: string) => readFileSync(join(dir, name));
  await noise(dir, '--passes', '3', '--bitsets');
  const names = filesBelow(dir).filter((name) => name.includes('noise') || name.includes('bits'));
  expect(names).toHaveLength(12);
  const before = names.map(bytes);
  // A pass without its receipt, one without its file, bits of another time: what no receipt lists does not exist.
  rmSync(join(dir, 'receipts/noise-pass-001.json'));
  writeFileSync(join(dir, 'noise/pass-001.arrow'), 'half');
  rmSync(join(dir, 'noise/pass-002.arrow'));
  rmSync(join(dir, 'receipts/noise-pass-000-bits.json'));
  await noise(dir, '--passes', '3', '--bitsets');
  expect(names.map(bytes)).toEqual(before);
});

test('other settings are refused by name, and taken with --overwrite', async () => {
  const dir = copy();
  await noise(dir, '--passes', '2', '--bitsets');
  const refused = await runPrep(['noise', dir, '--schedule', 'cosine'], { cwd });
  expect(refused).toMatchObject({ code: 65, stderr: expect.stringMatching(/schedule.*cosine.*geometric/) as string });
  await noise(dir, '--schedule', 'cosine', '--overwrite');
  // The bits of the old pass went with it.
  expect(existsSync(join(dir, 'receipts/noise-pass-000-bits.json'))).toBe(false);
  expect((await verifyCorpus(dir, { workers: 1 })).problems).toEqual([]);
});

test.each([
  [['--schedule', 'clipped', '--beta', '0.9'], /omega.*is 0.8.*above beta/],
  [['--schedule', 'clipped', '--beta', '0'], /beta.*is 0/],
  [['--schedule', 'geometric', '--sigma-min', '60'], /sigma_min.*is 60.*<= 50/],
  [['--schedule', 'polynomial', '--exponent', '0'], /exponent.*is 0.*>= 0.5/],
  [['--schedule', 'sigmoid'], /Allowed choices are linear, log-linear/],
  [['--eps', '0'], /more than 0 and at most 0.5/],
  [['--random-length', '2'], /expected a share/],
  [['--context-alpha', '-1'], /context_alpha.*is -1/],
])('%j is refused with a code', async (flags, message) => {
  const { code, stderr } = await runPrep(['noise', made, ...flags], { cwd });
  expect([64, 65]).toContain(code);
  expect(stderr).toMatch(message);
});

test('verify finds a pass or bits that are not what the seed draws, and a pass of another plan', async () => {
  const dir = copy();
  await noise(dir, '--passes', '1', '--bitsets');
  const receipt = join(dir, 'receipts/noise-pass-000.json');
  const content = readFileSync(receipt, 'utf8');
  writeFileSync(receipt, content.replace('"batch_windows":4', '"batch_windows":5'));
  expect((await verifyCorpus(dir, { workers: 1 })).problems.join()).toMatch(/window \d+ is not what its seed draws/);
  writeFileSync(receipt, content.replace(/"plan":"\w{8}/, '"plan":"00000000'));
  expect((await verifyCorpus(dir, { workers: 1 })).problems.join()).toMatch(/of another plan/);
  writeFileSync(receipt, content);
  const bits = join(dir, 'receipts/noise-pass-000-bits.json');
  const listed = readFileSync(bits, 'utf8');
  writeFileSync(bits, listed.replace(/"of":"\w{8}/, '"of":"00000000'));
  expect((await verifyCorpus(dir, { workers: 1 })).problems.join()).toMatch(/of another pass/);
  // One bit more, and listed as if it had always been there.
  const file = readFileSync(join(dir, 'noise/pass-000-bits.arrow'));
  const { batches, sha256: before } = JSON.parse(listed) as { batches: { offset: number }[]; sha256: string };
  file[batches[0]!.offset]! ^= 1;
  writeFileSync(join(dir, 'noise/pass-000-bits.arrow'), file);
  writeFileSync(bits, listed.replace(before, sha256(file)));
  expect((await verifyCorpus(dir, { workers: 1 })).problems.join()).toMatch(/is not what its pass masks/);
});

test('a pass of another plan, or of another size, is refused where it is read', async () => {
  const dir = copy();
  const receipt = join(dir, 'receipts/noise-pass-000.json');
  const content = readFileSync(receipt, 'utf8');
  const corpus = await openCorpus(dir);
  writeFileSync(receipt, content.replace(/"plan":"\w{8}/, '"plan":"00000000'));
  await expect(corpus.noise(0)).rejects.toMatchObject({ code: 'CORPUS_CORRUPT' });
  writeFileSync(receipt, content);
  writeFileSync(join(dir, 'noise/pass-000.arrow'), 'short');
  await expect(corpus.noise(0)).rejects.toMatchObject({ code: 'CORPUS_CORRUPT' });
  await expect(corpus.noise(1)).rejects.toMatchObject({ code: 'NOISE_PASS_MISSING' });
  await corpus.close();
});

test('a pass of another plan is not taken for one of this, nor replaced, and a damaged one gets no bits', async () => {
  const dir = copy();
  const receipt = join(dir, 'receipts/noise-pass-000.json');
  const sound = readFileSync(receipt, 'utf8');
  writeFileSync(receipt, JSON.stringify({ ...(JSON.parse(sound) as object), plan: 'f'.repeat(64) }));
  const other = await runPrep(['noise', dir], { cwd });
  expect([other.code, other.stderr]).toEqual([65, expect.stringMatching(/FINGERPRINT_MISMATCH.*plan/) as string]);
  writeFileSync(receipt, sound);
  const table = join(dir, 'noise/pass-000.arrow');
  const bytes = readFileSync(table);
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(table, bytes);
  const damaged = await runPrep(['noise', dir, '--bitsets'], { cwd });
  expect([damaged.code, damaged.stderr]).toEqual([65, expect.stringMatching(/CORPUS_CORRUPT.*pass-000/) as string]);
  expect(filesBelow(dir).filter((path) => path.includes('bits'))).toEqual([]);
});

test('flags: of another schedule nothing is kept, what it does not listen to is refused, what is on goes off', async () => {
  const settings = (dir: string) =>
    (JSON.parse(readFileSync(join(dir, 'receipts/noise-pass-000.json'), 'utf8')) as { settings: object }).settings;
  const dir = copy();
  await noise(dir, '--schedule', 'polynomial', '--eps', '0.2', '--overwrite');
  await noise(dir, '--schedule', 'cosine', '--no-at-least-one', '--overwrite');
  expect(settings(dir)).toEqual({ schedule: 'cosine', eps: 0.001, per: 'document', batch_windows: 4 });
  const odd = await runPrep(['noise', dir, '--schedule', 'linear', '--beta', '0.2', '--overwrite'], { cwd });
  expect([odd.code, odd.stderr]).toEqual([
    64,
    expect.stringMatching(/--beta says nothing about the schedule linear/) as string,
  ]);
});

test('is stopped in the middle of a pass, of which nothing is left then', async () => {
  const dir = copy();
  const before = filesBelow(dir);
  const settings = resolveNoise({ passes: 3, schedule: 'cosine' }, 'test');
  const stopped = { overwrite: true, signal: AbortSignal.abort() };
  await expect(writeNoise(dir, settings, stopped)).rejects.toMatchObject({ code: 'INTERRUPTED', exitCode: 75 });
  expect(filesBelow(dir)).toEqual(before);
});

test('many runs at once write one pass, and none takes the receipt of another away', async () => {
  const settings = resolveNoise({ passes: 2, bitsets: true, schedule: 'cosine' }, 'test');
  const expected = copy();
  await writeNoise(expected, settings, { overwrite: true });
  for (let race = 0; race < 10; race++) {
    const dir = copy();
    rmSync(join(dir, 'noise'), { recursive: true });
    rmSync(join(dir, 'receipts/noise-pass-000.json'));
    // Some are at the bits when others begin to write the pass.
    const runs = Array.from({ length: 6 }, async (_, i) => {
      await new Promise((later) => setTimeout(later, i * race));
      await writeNoise(dir, settings);
    });
    await Promise.all(runs);
    expect(contents(dir)).toEqual(contents(expected));
  }
});

test('a dry run foresees the size of its passes', async () => {
  const flags = [join(cwd, 'pipeline.yaml'), '--out', join(cwd, 'foreseen'), '--dry-run', '--json'];
  const { stdout } = await prep(flags, { cwd });
  const { disk } = JSON.parse(stdout.trim().split('\n').at(-1)!) as { disk: { noise: number } };
  const { size } = statSync(join(made, 'noise/pass-000.arrow'));
  // But for the text of its settings.
  expect(Math.abs(disk.noise - size)).toBeLessThan(300);
  expect(size).toBeGreaterThan(2500);
});

test('what cannot be masked in pairs is refused before anything is written', async () => {
  const dir = copy();
  const settings = resolveNoise({ per: 'block', block_tokens: 1, complementary: true, masking: 'exact' }, 'test');
  const before = filesBelow(dir);
  await expect(writeNoise(dir, { ...settings, passes: 2 }, { overwrite: true })).rejects.toMatchObject({
    code: 'NOISE_IMPOSSIBLE',
  });
  expect(filesBelow(dir)).toEqual(before);
  expect((await verifyCorpus(dir, { workers: 1 })).problems).toEqual([]);
});
