import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { contents, filesBelow, temporaryFolder, temporaryFiles } from '../support/folders.ts';
import { writeWindows } from '../support/windows.ts';

const dir = temporaryFolder();
/** Three shards of 1M-token windows, 16 a shard: the next is written while one is committed. */
const LARGE = { windowLength: 1_048_576, splits: [{ train: 34, validation: 0 }], segments: 1 };

test('a shard that cannot be committed ends the writing, and nothing is written after that', async () => {
  // A folder that is not empty stands where the first shard is to be renamed to.
  mkdirSync(join(dir, 'broken/shards/00000-00000.arrow/taken'), { recursive: true });
  await expect(writeWindows(join(dir, 'broken'), LARGE)).rejects.toMatchObject({ code: 'IO_FAILED' });
  const left = contents(join(dir, 'broken'));
  expect(temporaryFiles(join(dir, 'broken'))).toEqual([]);
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(contents(join(dir, 'broken'))).toEqual(left);
});

test('shards stand in the order of their windows', async () => {
  const { splits } = await writeWindows(join(dir, 'whole'), LARGE);
  expect(splits[0]!.shards.map(({ firstWindow, windows }) => [firstWindow, windows])).toEqual([
    [0, 16],
    [16, 16],
    [32, 2],
  ]);
  expect(filesBelow(join(dir, 'whole/shards'))).toEqual(
    splits[0]!.shards.map(({ path }) => path.replace('shards/', '')),
  );
});
