/** Guarantee 1 where it is hardest to keep: many workers, slow ones, and the same records in another file. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { openCorpus, readDocuments } from '../../src/shard/index.ts';
import { CRASH, differences, outOf, type Run, startRun, succeeded, writeCrashCorpus } from '../crash/harness.ts';
import { type Build, lookedAt, slowly } from '../crash/modes.ts';
import { writePipeline } from '../support/corpus.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep } from '../support/prep.ts';

const dir = temporaryFolder();
const inputs = join(dir, 'inputs');
const pipeline = writeCrashCorpus(inputs);
let build: Build;

beforeAll(async () => {
  build = await lookedAt(dir, pipeline);
});

test.each([2, 3, 4, 8])('%i workers: as one', async (workers) => {
  const run: Run = { at: join(dir, `workers-${workers}`), pipeline, workers };
  succeeded(await startRun(run).ended);
  expect(differences(outOf(run), build.expected)).toEqual([]);
});

test('workers of whom some are slow, so that splits end in another order: as one', async () => {
  expect(await slowly(build, 3, 1000)).toEqual([]);
});

/** Documents and windows, without what says which file they are from. */
async function contentOf(out: string) {
  const corpus = await openCorpus(out);
  try {
    const documents = corpus.manifest.splits.flatMap(({ table }) => {
      if (!table) return [];
      const rows = readDocuments(readFileSync(join(out, table.path)));
      return Array.from({ length: rows.length }, (_, i) => [
        ...rows.hashes().slice(i * 4, i * 4 + 4),
        rows.tokens()[i],
        rows.copies()[i],
        rows.subset(i),
      ]);
    });
    const windows: number[][] = [];
    for (const subset of ['train', 'validation'] as const)
      for (const window of corpus.numbers(subset)) windows.push([...(await corpus.read(window)).inputIds]);
    return { documents, windows };
  } finally {
    await corpus.close();
  }
}

test('records of a plain file and of a compressed one that is cut while it is read: the same documents and windows', async () => {
  writeFileSync(join(inputs, 'definitions.jsonl'), gunzipSync(readFileSync(join(inputs, 'definitions.jsonl.gz'))));
  const found = [];
  for (const name of ['definitions.jsonl', 'definitions.jsonl.gz']) {
    const one = { ...CRASH, inputs: [{ source: 'b', paths: [name] }] };
    await prep([writePipeline(inputs, one, `${name}.yaml`), '--out', join(dir, name)], { cwd: dir });
    found.push(await contentOf(join(dir, name)));
  }
  expect(found[0]!.documents.length).toBeGreaterThan(50);
  expect(found[0]!.windows.length).toBeGreaterThan(10);
  expect(found[1]).toEqual(found[0]);
});
