/**
 * A suite that finds nothing proves nothing: each planted bug is found by a mode that is meant for it. The whole table, every bug
 * by every mode, is test/long/teeth.test.ts.
 */
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { temporaryFolder } from '../support/folders.ts';
import { draws, writeCrashCorpus } from './harness.ts';
import { type Build, failedAt, killedAt, kills, lookedAt, powerLosses, shortFrom, slowly } from './modes.ts';
import { type Bug, BUGS, plant } from './planted.ts';
import { pointOf } from './trace.ts';

const dir = temporaryFolder();
const pipeline = writeCrashCorpus(join(dir, 'inputs'));
const seed = draws();

const losses = (build: Build) => powerLosses(build, build.trace, 1000, seed).problems;
const killed = (build: Build) => kills(build, build.trace).problems;
/** Before the manifest: all splits are there by then. */
const resumed = async (build: Build) => (await killedAt(build, pointOf(build.trace, 'create', /manifest/), 1)).problems;
const slow = (build: Build) => slowly(build, 3, 500);
/** While the tails are merged: then nothing sweeps before the run ends. */
const failing = async (build: Build) =>
  (await failedAt(build, { mode: 'fail', code: 'EIO', always: false, at: pointOf(build.trace, 'sync', /manifest/) }))
    .problems;
const short = (build: Build) => shortFrom(build, 0, true);

const MODES: Readonly<Record<Bug, (build: Build) => readonly string[] | Promise<readonly string[]>>> = {
  'written in place': killed,
  'no fsync': losses,
  'no fsync of the folder': losses,
  'no fsync of folders above': losses,
  'manifest first': killed,
  'receipt before its files': killed,
  'time in the manifest': resumed,
  'worker in a name': slow,
  'tails in the order of finishing': slow,
  'done again': resumed,
  'short write taken for whole': short,
  'temporary left after an error': failing,
  'error passed over': failing,
};

let sound: Build;
beforeAll(async () => {
  sound = await lookedAt(join(dir, 'sound'), pipeline);
});

test('none of them finds anything in the program as it is', async () => {
  for (const mode of new Set(Object.values(MODES))) expect(await mode(sound), seed.replay).toEqual([]);
});

test.each(Object.keys(BUGS) as Bug[])('%s: found', async (bug) => {
  const build = await lookedAt(join(dir, bug), pipeline, plant(bug, join(dir, bug, 'program')));
  expect((await MODES[bug](build)).length, seed.replay).toBeGreaterThan(0);
});
