import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { temporaryFolder } from '../support/folders.ts';
import { ROOT, start } from '../support/prep.ts';

const dir = temporaryFolder();

test('bench:shards runs, on windows too few to tell anything', async () => {
  const out = join(dir, 'shards.json');
  const size = ['--window', '512', '--windows', '64', '--passes', '1', '--rounds', '1'];
  const bench = await start(
    process.execPath,
    [join(ROOT, 'bench/shards.mjs'), ...size, '--dir', dir, '--out', out],
    dir,
  ).ended;
  expect([bench.code, bench.stdout], bench.stderr).toEqual([0, expect.stringContaining('plain pread')]);
  const results = JSON.parse(readFileSync(out, 'utf8')) as Record<string, Record<string, unknown>>;
  for (const kind of ['sequential', 'random']) expect(Object.keys(results[kind]!).length).toBeGreaterThanOrEqual(5);
  for (const row of Object.values({ ...results.sequential, ...results.random, ...results.write }))
    expect((row as { windowsPerSecond: number }).windowsPerSecond).toBeGreaterThan(0);
});
