/** Sources in proportion, filters and policies: the corpus holds what its rules say, and proves it. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { DocumentRow } from '../../src/core/document.ts';
import type { Verification } from '../../src/run/index.ts';
import { type Manifest, openCorpus, readDocuments, type WindowRecord } from '../../src/shard/index.ts';
import { SMALL, writePipeline, writeSmallCorpus } from '../support/corpus.ts';
import { contents, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep } from '../support/prep.ts';

const cwd = temporaryFolder();
const settings = {
  ...SMALL,
  inputs: [
    { source: 'a', paths: ['chapters.jsonl'], epochs: 2.5 },
    { source: 'b', paths: ['definitions.jsonl.gz'], epochs: 0.5, max_tokens: 400 },
    { source: 'c', paths: ['poems.parquet'], policy: 'eod', epochs: 3 },
  ],
  min_tokens: 100,
  filter: './filter.mjs',
};
const FILTER = `export default ({ text, source }) => (source === 'c' && text.length % 5 === 0 ? { reason: 'fifth' } : true);`;

async function corpus(out: string) {
  const verification = JSON.parse((await prep(['verify', out, '--json'], { cwd })).stdout) as Verification;
  expect(verification.problems).toEqual([]);
  const manifest = JSON.parse(readFileSync(join(cwd, out, 'manifest.json'), 'utf8')) as Manifest;
  const documents = manifest.splits.flatMap(({ table }): DocumentRow[] => {
    if (!table) return [];
    const rows = readDocuments(readFileSync(join(cwd, out, table.path)));
    return Array.from({ length: rows.length }, (_, i) => rows.row(i));
  });
  const opened = await openCorpus(join(cwd, out));
  const windows: WindowRecord[] = [];
  for (const subset of ['train', 'validation'] as const)
    for (const window of opened.numbers(subset)) windows.push(await opened.read(window));
  await opened.close();
  return { manifest, documents, windows };
}
let made: Awaited<ReturnType<typeof corpus>>;

beforeAll(async () => {
  writeSmallCorpus(cwd);
  writeFileSync(join(cwd, 'filter.mjs'), FILTER);
  writePipeline(cwd, settings, 'mixed.yaml');
  await prep(['mixed.yaml', '--workers', '1'], { cwd });
  made = await corpus('out/small');
});

test('the same bytes with three workers', async () => {
  await prep(['mixed.yaml', '--workers', '3', '--out', 'three'], { cwd });
  expect(contents(join(cwd, 'three'))).toEqual(contents(join(cwd, 'out/small')));
});

test('every document is there as often as its source says, or has a reason', () => {
  const of = (source: string, is: (row: DocumentRow) => unknown = () => true) =>
    made.documents.filter((row) => row.source === source && is(row));
  const kept = (source: string) => new Set(of(source, (row) => row.dropped === '').map(({ copies }) => copies));
  expect(kept('a')).toEqual(new Set([2, 3]));
  expect(kept('b')).toEqual(new Set([1]));
  expect(kept('c')).toEqual(new Set([3]));
  const reasons = (source: string) => new Set(of(source).map(({ dropped }) => dropped));
  expect(reasons('b')).toEqual(new Set(['', 'too-few-tokens', 'too-many-tokens', 'not-drawn']));
  expect(reasons('c')).toContain('filter: fifth');
  for (const { tokens, dropped, source } of made.documents) {
    const outside = tokens < 100 ? 'too-few-tokens' : source === 'b' && tokens > 400 ? 'too-many-tokens' : '';
    if (outside !== '') expect(dropped).toBe(outside);
  }
  expect(made.documents.every(({ copies, parts, dropped }) => copies > 0 === (parts > 0 && dropped === ''))).toBe(true);
});

test('the ledger of each source adds up from its documents', () => {
  for (const [source, { tokens }] of Object.entries(made.manifest.ledgerBySource)) {
    const rows = made.documents.filter((row) => row.source === source);
    const sum = (of: (row: DocumentRow) => number) => rows.reduce((total, row) => total + of(row), 0);
    expect(tokens.read).toBe(sum((row) => row.tokens));
    expect(tokens.repeated).toBe(sum((row) => row.tokens * Math.max(0, row.copies - 1)));
    expect(tokens.inserted).toBe(source === 'c' ? sum((row) => row.copies) : 0);
    expect(tokens.packed).toBe(sum((row) => (row.tokens + (source === 'c' ? 1 : 0)) * row.copies));
  }
});

test('no window has two copies of a document, two policies or two subsets', () => {
  let repeated = 0;
  const subsetOf = new Map<string, string>();
  for (const { segments, subset, mask, numTokens } of made.windows) {
    const names = segments.map(({ split, document, part }) => `${split}/${document}/${part}`);
    expect(new Set(names).size).toBe(names.length);
    const eod = segments.filter(({ source }) => source === 'c').length;
    expect([0, segments.length]).toContain(eod);
    // One group for a window of eod, one for each segment otherwise; padding is another.
    const padding = numTokens < 512 ? 1 : 0;
    expect(mask.cuSeqlens.length - 1).toBe((eod > 0 ? 1 : segments.length) + padding);
    for (const name of names) {
      if (subsetOf.has(name)) repeated++;
      expect(subsetOf.get(name) ?? subset).toBe(subset);
      subsetOf.set(name, subset);
    }
  }
  expect(repeated).toBeGreaterThan(100);
  expect(new Set(subsetOf.values())).toEqual(new Set(['train', 'validation']));
});

test.each(['concat', 'first-fit'])('copies and policies under %s verify too', async (method) => {
  writePipeline(cwd, { ...settings, packing: { method } }, `${method}.yaml`);
  await prep([`${method}.yaml`, '--out', method], { cwd });
  const { manifest, documents } = await corpus(method);
  const repeated = documents.reduce((sum, { tokens, copies }) => sum + tokens * Math.max(0, copies - 1), 0);
  expect(repeated).toBeGreaterThan(0);
  expect(manifest.ledger.tokens.repeated).toBe(repeated);
});

test('another filter is another plan; one that changes under a plan or fails is told', async () => {
  const filter = (source: string) => writeFileSync(join(cwd, 'filter.mjs'), source);
  try {
    filter(`${FILTER} `);
    const changed = await runPrep(['mixed.yaml'], { cwd });
    expect(changed.code).toBe(65);
    expect(changed.stderr).toMatch(/^error FINGERPRINT_MISMATCH: .*`filter`/);
    filter(`export default () => { throw new Error('out of luck'); }`);
    const failed = await runPrep(['mixed.yaml', '--out', 'failed'], { cwd });
    expect(failed.code).toBe(65);
    expect(failed.stderr).toMatch(
      /^error FILTER_FAILED: .*filter\.mjs: on chapters\.jsonl, record 0: it throws out of luck/,
    );
  } finally {
    filter(FILTER);
  }
  const gone = await runPrep(['mixed.yaml', '--out', 'gone', '--filter', 'nowhere.mjs'], { cwd });
  expect(gone.code).toBe(65);
  expect(gone.stderr).toMatch(/^error INPUT_NOT_FOUND: .*nowhere\.mjs/);
});
