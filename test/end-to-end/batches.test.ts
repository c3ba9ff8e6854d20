/** Guarantee 1: how much is read, held or handed on at once is not part of a plan, so no byte may depend on it. */
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Edit, programWith } from '../crash/planted.ts';
import { SMALL, writePipeline, writeSmallCorpus } from '../support/corpus.ts';
import { contents, temporaryFolder } from '../support/folders.ts';
import { prep, start } from '../support/prep.ts';

const dir = temporaryFolder();
writeSmallCorpus(dir);
const settings = { ...SMALL, duplicates: 'drop', packing: { method: 'concat', shuffle: true }, noise: { passes: 1 } };
const pipeline = writePipeline(dir, settings, 'batches.yaml');

/** [file under dist/, what stands before the number, the number]. */
const SIZES = [
  ['read/index.js', 'const BATCH_DOCUMENTS = ', '256'],
  ['read/index.js', 'const BATCH_BYTES = ', '1024 * 1024'],
  ['pack/shuffle.js', 'const BATCH = ', '256'],
  ['io/bytes.js', 'const CHUNK_BYTES = ', '1024 * 1024'],
  ['io/bytes.js', 'const SMALL_BYTES = ', '64 * 1024'],
  ['io/gunzip.js', 'const OUTPUT_BYTES = ', '256 * 1024'],
  ['io/gunzip.js', 'const PIECE_BYTES = ', '128 * 1024'],
  ['read/stream.js', 'const PIECE_BYTES = ', '1024 * 1024'],
  ['core/slab.js', 'const SHORT_BYTES = ', '64 * 1024'],
  ['core/slab.js', 'const SLAB_BYTES = ', '1024 * 1024'],
  ['read/long-record.js', 'const LONG_BYTES = ', '8 * 1024 * 1024'],
] as const;

test.each([
  ['one document or 100 bytes', [1, 1, 1, 100, 0, 100, 100, 100, 100, 128, 100]],
  ['three documents or 5,000 bytes', [3, 5000, 7, 5000, 1000, 4096, 300, 3000, 1000, 4096, 5000]],
  ['everything', [1e9, 1e9, 1e9, 2 ** 26, 2 ** 25, 2 ** 22, 2 ** 22, 2 ** 24, 2 ** 20, 2 ** 22, 2 ** 30]],
])('at once: %s', async (name, sizes) => {
  const edits = SIZES.map(([file, before, size], i): Edit => [file, `${before}${size};`, `${before}${sizes[i]};`]);
  const program = programWith(edits, join(dir, name));
  const run = (out: string) => ['--out', join(dir, out), '--workers', '2'];
  await prep([pipeline, ...run('expected')], { cwd: dir });
  const ended = await start(process.execPath, [program, pipeline, ...run(`${name} out`)], dir).ended;
  expect(ended).toMatchObject({ code: 0 });
  expect(contents(join(dir, `${name} out`))).toEqual(contents(join(dir, 'expected')));
  await prep(['verify', join(dir, 'expected')], { cwd: dir });
});
