/** `prep mask`, killed or with the disk full at an operation: the corpus is untouched, and the next call ends with the same bytes. */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { contents, temporaryFiles, temporaryFolder } from '../support/folders.ts';
import { type Ended, PREP, prep, start } from '../support/prep.ts';
import { draws, inPairs, spread, writeCrashCorpus } from './harness.ts';
import { readTrace } from './trace.ts';

const POINTS = Number(process.env['CRASH_POINTS'] ?? 4);
const FAULTS = fileURLToPath(new URL('faults.mjs', import.meta.url));
const TABLE = ['--policy', 'block-diffusion', '--diffusion-block', '16', '--json'];
const cwd = temporaryFolder();
const seed = draws();
const corpus = join(cwd, 'corpus');
let before: Record<string, string>;
let expected: Record<string, string>;
let operations = 0;

/** A copy of the corpus, and `prep mask` on it with faults. */
async function faulty(name: string, faults: object): Promise<{ out: string; log: string; ended: Ended }> {
  const [out, log] = [join(cwd, name, 'out'), join(cwd, `${name}.log`)];
  mkdirSync(join(cwd, name));
  cpSync(corpus, out, { recursive: true });
  writeFileSync(log, '');
  const settings = JSON.stringify({ ...faults, root: join(cwd, name), log });
  const args = ['--import', FAULTS, PREP, 'mask', out, ...TABLE];
  const ended = await start(process.execPath, args, cwd, { ULTRAPREP_FAULTS: settings }).ended;
  return { out, log, ended };
}

beforeAll(async () => {
  await prep([writeCrashCorpus(join(cwd, 'inputs')), '--out', corpus], { cwd });
  before = contents(corpus);
  const { out, log, ended } = await faulty('whole', { mode: 'record' });
  expect(ended.code, ended.stderr).toBe(0);
  expected = contents(out);
  operations = readTrace(log).points;
});

test('nothing of the corpus is changed by it', () => {
  expect(expected).toMatchObject(before);
  expect(Object.keys(expected).length).toBeGreaterThan(Object.keys(before).length + 1);
});

test.each([
  ['killed', { mode: 'kill' }, null],
  ['with a full disk', { mode: 'fail', code: 'ENOSPC', always: true }, 74],
] as const)(`%s at ${POINTS} operations, ${seed.replay}`, async (name, faults, code) => {
  await inPairs(spread(operations, POINTS, seed), async (at) => {
    const { out, ended } = await faulty(`${name}-${at}`, { ...faults, at });
    // A fault in a clean-up at the end may come too late to stop it.
    if (ended.code !== 0) expect(ended.code, ended.stderr).toBe(code);
    const left = contents(out);
    for (const [path, hash] of Object.entries(left)) if (path in expected) expect(hash, path).toBe(expected[path]);
    expect(left).toMatchObject(before);
    await prep(['mask', out, ...TABLE], { cwd });
    expect(contents(out)).toEqual(expected);
    expect(temporaryFiles(out)).toEqual([]);
  });
});
