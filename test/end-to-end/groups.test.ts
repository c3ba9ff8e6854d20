/** Documents of one group side by side, and attention over groups: `policy: hybrid`. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import type { Verification } from '../../src/run/index.ts';
import { type Manifest, openCorpus, readDocuments, type WindowRecord } from '../../src/shard/index.ts';
import { writeJsonl, writePipeline } from '../support/corpus.ts';
import { contents, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, TOKENIZER } from '../support/prep.ts';

const cwd = temporaryFolder();
/** Groups of 1 to 12 documents, strewn over the file: some span its 5 splits, some are larger than a window. */
const RECORDS = Array.from({ length: 600 }, (_, i) => ({
  id: `d${i}`,
  text: `${i} ${'some words of it, '.repeat(1 + ((i * i) % 23))}`,
  ...(i % 7 === 0 ? {} : { meta: { repository: `r${(i * i * 31) % 97}` } }),
}));
const settings = {
  name: 'groups',
  inputs: [{ source: 'a', paths: ['a.jsonl'] }],
  tokenizer: TOKENIZER,
  window: 512,
  policy: 'hybrid',
  group_field: 'meta.repository',
  validation: 0.1,
  split_bytes: '32KiB',
};

let manifest: Manifest;
let windows: WindowRecord[];
let keys: BigInt64Array[];

beforeAll(async () => {
  writeJsonl(join(cwd, 'a.jsonl'), RECORDS);
  writePipeline(cwd, settings, 'groups.yaml');
  await prep(['groups.yaml', '--workers', '1', '--out', 'one'], { cwd });
  manifest = JSON.parse(readFileSync(join(cwd, 'one/manifest.json'), 'utf8')) as Manifest;
  keys = manifest.splits.flatMap(({ table }) =>
    table ? [readDocuments(readFileSync(join(cwd, 'one', table.path))).groups()] : [],
  );
  const corpus = await openCorpus(join(cwd, 'one'));
  windows = [];
  for (const subset of ['train', 'validation'] as const)
    for (const number of corpus.numbers(subset)) windows.push(await corpus.read(number));
  await corpus.close();
});

test('the same bytes with three workers, and whole', async () => {
  await prep(['groups.yaml', '--workers', '3', '--out', 'three'], { cwd });
  expect(contents(join(cwd, 'three'))).toEqual(contents(join(cwd, 'one')));
  const { problems } = JSON.parse((await prep(['verify', 'one', '--json'], { cwd })).stdout) as Verification;
  expect(problems).toEqual([]);
});

test('the table of documents has their keys', () => {
  const all = keys.flatMap((of) => [...of]);
  const wanted = RECORDS.map(({ meta }) =>
    meta ? createHash('sha256').update(meta.repository).digest().readBigInt64LE() : 0n,
  );
  expect(all).toEqual(wanted);
});

test('documents of a group adjoin and see each other; the end token is inside its document', () => {
  const { eos } = manifest.tokenizer.specialIds;
  let [together, tails] = [0, 0];
  for (const { segments, mask, numTokens, inputIds } of windows) {
    const groups = new Map<bigint, number>();
    const offsets = [0];
    for (const [i, { split, document, group, start, length }] of segments.entries()) {
      const key = keys[split]![document]!;
      if (key !== 0n && groups.has(key)) {
        together++;
        expect(group).toBe(segments[i - 1]!.group);
      } else if (i > 0) offsets.push(start);
      groups.set(key, group);
      if (split !== segments[0]!.split) tails++;
      expect(inputIds[start + length - 1]).toBe(eos);
    }
    if (numTokens < 512) offsets.push(numTokens);
    expect([...mask.cuSeqlens]).toEqual([...offsets, 512]);
    expect(mask.policy).toBe('hybrid');
  }
  expect(together).toBeGreaterThan(100);
  expect(tails, 'windows made of the tails').toBeGreaterThan(0);
});

test('hybrid without a group_field is refused before any work', async () => {
  const { code, stderr } = await runPrep(
    ['pack', 'a.jsonl', '--tokenizer', TOKENIZER, '--policy', 'hybrid', '--out', 'x'],
    { cwd },
  );
  expect(code).toBe(65);
  expect(stderr).toMatch(/^error CONFIG_INVALID: .*`group_field` is not there/);
});

test('a dry run packs the groups as packing does', async () => {
  const { stdout } = await prep(['groups.yaml', '--dry-run', '--json'], { cwd });
  const found = JSON.parse(stdout.trim().split('\n').at(-1)!) as { windows: Manifest['windows']; exact: boolean };
  expect(found.windows).toEqual(manifest.windows);
  expect(found.exact).toBe(true);
});
