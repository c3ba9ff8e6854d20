/** Guarantee 3 on a disk that is full or broken: a coded error, nothing committed changed, and the same command goes on. */
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { contents, temporaryFiles, temporaryFolder } from '../support/folders.ts';
import {
  draws,
  failuresOf,
  type Faults,
  finish,
  imageOfFolder,
  inPairs,
  outOf,
  record,
  type Run,
  runWith,
  spread,
  writeCrashCorpus,
} from './harness.ts';
import { broken, type Committed, committedBy } from './promises.ts';

/** Operations that fail, of some hundred, for each kind of failure; `test:long` has all. */
const POINTS = Number(process.env['CRASH_POINTS'] ?? 4);

const dir = temporaryFolder();
const pipeline = writeCrashCorpus(join(dir, 'inputs'));
const seed = draws();
let points = 0;
let committed: Committed;
let expected: Record<string, string>;

beforeAll(async () => {
  const whole: Run = { at: join(dir, 'whole'), pipeline, workers: 1 };
  const trace = await record(whole);
  points = trace.points;
  committed = committedBy(trace);
  expected = contents(outOf(whole));
});

const CODES = { ENOSPC: 'DISK_FULL', EIO: 'IO_FAILED' } as const;
/** Claims are hints: where they fail, work is done twice at worst. */
const isHint = (path: string): boolean => path.split('/').includes('claims');

test.each([
  { code: 'ENOSPC', always: false },
  { code: 'ENOSPC', always: true },
  { code: 'EIO', always: false },
  { code: 'EIO', always: true },
] as const)('$code at any operation, from there on: $always', { timeout: 3_600_000 }, async ({ code, always }) => {
  let failed = 0;
  await inPairs(spread(points, POINTS, seed), async (at) => {
    const run: Run = { at: join(dir, `${code}-${always}-${at}`), pipeline, workers: 1 };
    const where = `${seed.replay}: operation ${at}`;
    const ended = await runWith(run, { mode: 'fail', code, always, at });
    const first = failuresOf(run).find(({ path }) => !isHint(path));
    if (!first) expect([ended.code, ended.stderr], where).toEqual([0, '']);
    else {
      failed++;
      expect([ended.code, ended.stderr], `${where}: ${first.path}`).toEqual([74, expect.stringContaining(CODES[code])]);
      const { message, details } = JSON.parse(ended.stderr) as { message: string; details: { file: string } };
      expect(details.file.startsWith(run.at), where).toBe(true);
      expect(message, where).toContain(details.file);
      // What can still be removed is: only a disk that refuses everything keeps temporaries until the next run.
      if (!always || code === 'ENOSPC') expect(temporaryFiles(outOf(run)), where).toEqual([]);
    }
    expect(broken(imageOfFolder(run.at), [], committed), where).toEqual([]);
    expect(await finish({ ...run, workers: 2 }, expected), where).toEqual([]);
  });
  expect(failed).toBeGreaterThan(0);
});

test('a disk that takes part of every write gets the rest afterwards', { timeout: 3_600_000 }, async () => {
  for (const always of [false, true]) {
    const run: Run = { at: join(dir, `short-${always}`), pipeline, workers: 2 };
    const faults: Faults = { mode: 'fail', code: 'SHORT', always, at: Math.floor(seed.draw() * (always ? 9 : points)) };
    expect(await runWith(run, faults), seed.replay).toMatchObject({ code: 0, stderr: '' });
    expect(contents(outOf(run)), seed.replay).toEqual(expected);
  }
});
