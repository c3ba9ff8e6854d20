/** A run that was stopped goes on with the same command; with anything else it is refused, and nothing is touched. */
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from 'vitest';
import { SMALL, writePipeline, writeSmallCorpus } from '../support/corpus.ts';
import { contents, digest, temporaryFiles, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, startPrep } from '../support/prep.ts';

const dir = temporaryFolder();
const pipeline = writeSmallCorpus(join(dir, 'inputs'));
let expected: Record<string, string>;

const receiptsIn = (out: string): string[] => {
  const folder = join(dir, out, 'receipts');
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^\d+\.json$/.test(name)) : [];
};

/** Stops a run with SIGINT as soon as `receipts` splits are committed. */
async function stopped(out: string, receipts: number, file = pipeline) {
  const { child, ended } = startPrep([file, '--out', out, '--workers', '1'], { cwd: dir });
  while (child.exitCode === null && receiptsIn(out).length < receipts) await sleep(2);
  child.kill('SIGINT');
  return ended;
}

beforeAll(async () => {
  await prep([pipeline, '--out', 'whole'], { cwd: dir });
  expected = contents(join(dir, 'whole'));
});

test('Ctrl-C while packing: exit 75, the way on, no manifest; resumed with more workers, nothing redone, identical', async () => {
  const { code, stderr } = await stopped('ctrl-c', 2);
  expect(stderr).toMatch(
    /^error INTERRUPTED: stopped; \d+ of \d+ splits are committed\. Run the same command again to go on$/m,
  );
  expect(code).toBe(75);
  expect(existsSync(join(dir, 'ctrl-c/manifest.json'))).toBe(false);

  const inspected = await runPrep(['inspect', 'ctrl-c'], { cwd: dir });
  expect([inspected.code, inspected.stderr]).toEqual([
    75,
    expect.stringMatching(/CORPUS_INCOMPLETE.*run the same `prep` command again/),
  ]);

  const done = receiptsIn('ctrl-c').map((name) => name.slice(0, 5));
  expect(done.length).toBeGreaterThanOrEqual(2);
  const committed = ['shards', 'masks/adaptive', 'documents', 'receipts'].flatMap((folder) =>
    readdirSync(join(dir, 'ctrl-c', folder))
      .filter((name) => done.includes(name.slice(0, 5)))
      .map((name) => join(dir, 'ctrl-c', folder, name)),
  );
  const inodes = () => committed.map((path) => [path, statSync(path).ino, statSync(path).mtimeMs]);
  const before = inodes();
  expect(before.length).toBeGreaterThanOrEqual(done.length * 4);
  await prep([pipeline, '--out', 'ctrl-c', '--workers', '3'], { cwd: dir });
  expect(inodes()).toEqual(before);
  expect(temporaryFiles(join(dir, 'ctrl-c'))).toEqual([]);
  expect(contents(join(dir, 'ctrl-c'))).toEqual(expected);
});

test('a finished corpus is left as it is by another run', async () => {
  const path = join(dir, 'whole/manifest.json');
  const before = statSync(path).mtimeMs;
  await prep([pipeline, '--out', 'whole'], { cwd: dir });
  expect(statSync(path).mtimeMs).toBe(before);
  expect(contents(join(dir, 'whole'))).toEqual(expected);
});

test('what a kill between manifest and clean-up leaves is cleaned up by the next run; a shard that is gone is made again', async () => {
  cpSync(join(dir, 'whole'), join(dir, 'mended'), { recursive: true });
  await stopped('half', 2);
  cpSync(join(dir, 'half/tails'), join(dir, 'mended/tails'), { recursive: true });
  await prep([pipeline, '--out', 'mended'], { cwd: dir });
  expect(contents(join(dir, 'mended'))).toEqual(expected);

  rmSync(join(dir, 'mended/shards/00001-00000.arrow'));
  await prep([pipeline, '--out', 'mended'], { cwd: dir });
  expect(contents(join(dir, 'mended'))).toEqual(expected);
});

test('two runs on one folder at once: both end with 0, one corpus', async () => {
  const runs = [1, 2].map((workers) =>
    runPrep([pipeline, '--out', 'shared', '--workers', String(workers)], { cwd: dir }),
  );
  for (const { code, stderr } of await Promise.all(runs)) expect([code, stderr]).toEqual([0, '']);
  expect(contents(join(dir, 'shared'))).toEqual(expected);
});

describe('a half-finished plan', () => {
  const inputs = join(dir, 'own-inputs');
  const chapters = join(inputs, 'chapters.jsonl');
  const later = () => utimesSync(chapters, new Date(), new Date(Date.now() + 60_000));
  let own: string;

  beforeAll(async () => {
    mkdirSync(inputs);
    cpSync(join(dir, 'inputs'), inputs, { recursive: true });
    own = writePipeline(inputs, {
      ...SMALL,
      split_bytes: '2KiB',
      inputs: [{ source: 'a', paths: ['chapters.jsonl'] }],
    });
    expect((await stopped('own', 2, own)).code).toBe(75);
  });

  const refused = async (args: string[], field: string | RegExp, ...names: string[]) => {
    const before = digest(join(dir, 'own'));
    const { code, stderr } = await runPrep([own, '--out', 'own', ...args], { cwd: dir });
    expect(stderr).toMatch(/^error FINGERPRINT_MISMATCH: /);
    if (typeof field === 'string') expect(stderr).toContain(field);
    else expect(stderr).toMatch(field);
    for (const name of names) expect(stderr).toContain(name);
    expect(stderr).toMatch(/--out.*--overwrite/);
    expect(code).toBe(65);
    expect(digest(join(dir, 'own'))).toBe(before);
  };

  test.each([
    ['window', ['--window', '1024'], '1024', '512'],
    ['policy', ['--policy', 'eod'], '"eod"', '"adaptive"'],
    ['seed', ['--seed', '7'], '7', '2510'],
    ['packing.long_documents', ['--long-documents', 'drop'], '"drop"', '"split"'],
    ['packing.shuffle', ['--shuffle'], 'true', 'false'],
  ])('refuses another %s, naming it and both values', async (field, args, found, expectedValue) => {
    if (field === 'seed') return refused(args, /`seed` is 7, but this plan was made with /);
    await refused(args, `\`${field}\` is ${found}, but this plan was made with ${expectedValue};`);
  });

  test('of several settings that are others it names the first, and counts the rest', async () => {
    await refused(
      ['--shuffle', '--seed', '7', '--window', '1024'],
      '`packing.shuffle` is true, but this plan was made with false (and 2 more that differ);',
    );
  });

  test('refuses another tokenizer', async () => {
    const tokenizer = join(dir, 'other-tokenizer.json');
    writeFileSync(tokenizer, `${readFileSync(SMALL.tokenizer, 'utf8')}\n`);
    await refused(['--tokenizer', tokenizer], /`tokenizer\.sha256`/);
  });

  test('goes on after a touch, refuses an input of the same size with other content, and one of another size', async () => {
    const original = readFileSync(chapters);
    const changed = Buffer.from(original);
    const place = changed.indexOf('the ');
    changed.write('THE ', place);
    writeFileSync(chapters, changed);
    later();
    await refused([], /`content`/, 'chapters.jsonl');

    writeFileSync(chapters, original);
    appendFileSync(chapters, '{"text":"one more"}\n');
    await refused([], /`inputs\["chapters\.jsonl"\]\.size`/, String(original.length));

    writeFileSync(chapters, original);
    later();
    await prep([own, '--out', 'own'], { cwd: dir });
    await prep([own, '--out', 'own-whole'], { cwd: dir });
    expect(contents(join(dir, 'own'))).toEqual(contents(join(dir, 'own-whole')));

    writeFileSync(chapters, changed);
    later();
    await refused([], /`content`/, 'chapters.jsonl'); // Also when it is finished.
  });

  test('--overwrite starts over, but only when what replaces the corpus can be read', async () => {
    const before = digest(join(dir, 'own'));
    const bad = await runPrep([own, '--out', 'own', '--overwrite', '--tokenizer', chapters], { cwd: dir });
    expect([bad.code, bad.stderr]).toEqual([65, expect.stringContaining('TOKENIZER_INVALID')]);
    expect(digest(join(dir, 'own'))).toBe(before);

    await prep([own, '--out', 'own', '--overwrite', '--window', '1024'], { cwd: dir });
    await prep([own, '--out', 'own-1024', '--window', '1024'], { cwd: dir });
    expect(contents(join(dir, 'own'))).toEqual(contents(join(dir, 'own-1024')));
  });
});
