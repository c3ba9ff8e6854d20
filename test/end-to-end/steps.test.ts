/** `prep plan`, `prep pack DIR` by several processes, `prep merge DIR`: the bytes of one run. */
import { cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, expect, test } from 'vitest';
import { statusOf } from '../../src/run/index.ts';
import { writeSmallCorpus } from '../support/corpus.ts';
import { contents, temporaryFiles, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, startPrep, TOKENIZER } from '../support/prep.ts';

const dir = temporaryFolder();
const pipeline = writeSmallCorpus(join(dir, 'inputs'));
let expected: Record<string, string>;

const status = (out: string) => statusOf(join(dir, out));
const refused = async (args: string[], says: RegExp, exit: number) => {
  const { code, stderr } = await runPrep(args, { cwd: dir });
  expect([code, stderr]).toEqual([exit, expect.stringMatching(says)]);
};

beforeAll(async () => {
  await prep([pipeline, '--out', 'whole'], { cwd: dir });
  expected = contents(join(dir, 'whole'));
});

test('two plans for one folder at once: one is refused, and what is there is of the other', async () => {
  const windows = ['256', '512'];
  const both = windows.map((window) =>
    runPrep(['plan', pipeline, '--out', 'both', '--window', window, '--tokenizer', TOKENIZER], { cwd: dir }),
  );
  const ended = await Promise.all(both);
  expect(new Set(ended.map(({ code }) => code))).toEqual(new Set([0, 65]));
  expect(ended.find(({ code }) => code === 65)?.stderr).toMatch(/FINGERPRINT_MISMATCH/);
  const { config } = JSON.parse(readFileSync(join(dir, 'both/plan.json'), 'utf8')) as { config: { window: number } };
  expect(String(config.window)).toBe(windows[ended.findIndex(({ code }) => code === 0)]);
});

test(
  'in steps, by three processes at once: nothing before its time, and then the same bytes',
  { timeout: 180_000 },
  async () => {
    await prep(['plan', pipeline, '--out', 'steps'], { cwd: dir });
    expect(readdirSync(join(dir, 'steps')).sort()).toEqual(['local.json', 'plan.json', 'tokenizer.json']);
    const { state, entries } = await status('steps');
    expect([state, entries.done, entries.running]).toEqual(['planned', 0, 0]);
    expect(entries.left).toBeGreaterThan(5);
    await refused(['merge', 'steps'], /CORPUS_INCOMPLETE/, 75);
    cpSync(join(dir, 'steps'), join(dir, 'moved'), { recursive: true });

    const running = [1, 2, 1].map((workers) => startPrep(['pack', 'steps', '-j', String(workers)], { cwd: dir }));
    let seen = 0;
    while (running.some(({ child }) => child.exitCode === null)) {
      seen = Math.max(seen, (await status('steps')).entries.running);
      await sleep(5);
    }
    expect((await Promise.all(running.map(({ ended }) => ended))).map(({ code }) => code)).toEqual([0, 0, 0]);
    expect(seen).toBeGreaterThan(0);
    expect(await status('steps')).toMatchObject({ state: 'packed', entries: { running: 0, left: 0 } });
    expect(existsSync(join(dir, 'steps/manifest.json'))).toBe(false);
    expect(temporaryFiles(join(dir, 'steps'))).toEqual([]);
    for (const command of [['verify'], ['inspect'], ['export', '--to', 'npy', '--out', 'steps-npy']])
      await refused(
        [...command, 'steps'],
        /CORPUS_INCOMPLETE: .*packed \(8 of 8 splits\), but not merged; run `prep merge [^`]*steps`$/m,
        75,
      );

    await prep(['merge', 'steps'], { cwd: dir });
    expect(contents(join(dir, 'steps'))).toEqual(expected);
    const shown = JSON.parse((await prep(['status', 'steps', '--json'], { cwd: dir })).stdout) as object;
    expect(shown).toEqual({ dir: join(dir, 'steps'), ...(await status('steps')) });
    expect(shown).toMatchObject({ state: 'merged', entries: { done: entries.all, running: 0, left: 0 } });
    await prep(['pack', 'steps'], { cwd: dir });
    await prep(['merge', 'steps'], { cwd: dir });
    expect(contents(join(dir, 'steps'))).toEqual(expected);
  },
);

test('passes of noise that are not there are left, also of a corpus that has its manifest', async () => {
  await prep(['plan', pipeline, '--out', 'quiet'], { cwd: dir });
  await prep(['pack', 'quiet'], { cwd: dir });
  expect((await status('quiet')).passes).toEqual({ all: 3, left: [0, 1, 2] });
  // As after a kill between the manifest and its noise.
  await prep(['merge', 'quiet', '--passes', '0'], { cwd: dir });
  expect(await status('quiet')).toMatchObject({ state: 'merged', passes: { all: 3, left: [0, 1, 2] } });
  const shown = async () => (await prep(['status', 'quiet'], { cwd: dir })).stdout;
  expect(await shown()).toMatch(
    /noise +0 of 3 passes made, left: 0 to 2\nnext: prep merge quiet, for the noise that is left$/m,
  );
  await prep(['merge', 'quiet'], { cwd: dir });
  expect(await shown()).toMatch(/noise +3 of 3 passes made\nnext: prep inspect quiet$/m);
  rmSync(join(dir, 'quiet/noise/pass-001.arrow'));
  expect((await status('quiet')).passes.left).toEqual([1]);
  await prep(['merge', 'quiet'], { cwd: dir });
  expect(contents(join(dir, 'quiet'))).toEqual(expected);
});

test('a plan is carried to where its inputs lie elsewhere, and merged where they do not lie at all', async () => {
  renameSync(join(dir, 'inputs'), join(dir, 'elsewhere'));
  try {
    await refused(['pack', 'moved'], /INPUT_NOT_FOUND/, 65);
    rmSync(join(dir, 'moved/local.json'));
    await refused(['pack', 'moved'], /INPUT_ROOT_UNKNOWN: .*chapters\.jsonl with --root/, 65);
    await prep(['pack', 'moved', '--root', 'elsewhere'], { cwd: dir });
    writeFileSync(join(dir, 'moved/local.json'), '{"root":5}');
    await prep(['merge', 'moved', '--passes', '3'], { cwd: dir });
    expect(contents(join(dir, 'moved'))).toEqual(expected);
  } finally {
    renameSync(join(dir, 'elsewhere'), join(dir, 'inputs'));
  }
});

test('what belongs to the plan is refused afterwards, and a folder without one', async () => {
  await prep(['plan', pipeline, '--out', 'fixed'], { cwd: dir });
  await refused(['pack', 'fixed', '--window', '1024', '--seed', '3'], /USAGE.*--window, --seed.*`prep plan`/, 64);
  await refused(['plan', pipeline, '--out', 'fixed', '--window', '1024'], /FINGERPRINT_MISMATCH.*`window`/, 65);
  await refused(['pack', 'inputs/chapters.jsonl', '--tokenizer', TOKENIZER, '--root', 'x'], /USAGE.*--root/, 64);
  for (const command of ['merge', 'status']) await refused([command, 'inputs'], /CORPUS_NOT_FOUND.*`prep plan`/, 65);
  const tokenizer = join(dir, 'fixed/tokenizer.json');
  writeFileSync(tokenizer, readFileSync(tokenizer, 'utf8').replace('{', '{ '));
  await refused(['pack', 'fixed'], /FINGERPRINT_MISMATCH.*tokenizer\.json: `content`/, 65);
});

test('plans of files and of a pipeline by another name', async () => {
  await prep(['plan', 'inputs/chapters.jsonl', '--tokenizer', TOKENIZER, '--out', 'files'], { cwd: dir });
  cpSync(pipeline, join(dir, 'inputs/settings'));
  await prep(['plan', 'inputs/settings', '--out', 'settings'], { cwd: dir });
  const inputs = (out: string) =>
    (JSON.parse(readFileSync(join(dir, out, 'plan.json'), 'utf8')) as { inputs: unknown[] }).inputs.length;
  expect([inputs('files'), inputs('settings')]).toEqual([1, 3]);
});
