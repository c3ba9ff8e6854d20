/** What stops a merge is explained by files that are there, with numbers that a person can look up. */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { writeJsonl } from '../support/corpus.ts';
import { filesBelow, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, TOKENIZER } from '../support/prep.ts';

const dir = temporaryFolder();
const pack = (input: string, out: string, ...flags: string[]) => [
  'pack', input, '--out', out, '--tokenizer', TOKENIZER, '--window', '256', '--workers', '2', ...flags,
]; // prettier-ignore

test('too many rejects: the message names the gathered file and counts through the input, and a raised limit goes on', async () => {
  const line = (i: number) =>
    i === 50 || i === 55 ? '{"text": bad' : JSON.stringify({ text: `Record ${i} has words.` });
  writeFileSync(join(dir, 'mixed.jsonl'), Array.from({ length: 60 }, (_, i) => `${line(i)}\n`).join(''));
  const args = pack('mixed.jsonl', 'mixed', '--split-bytes', '1KiB');
  const stopped = await runPrep([...args, '--max-rejects', '0.01'], { cwd: dir });
  expect(stopped.code).toBe(65);
  expect(stopped.stderr).toMatch(/^error TOO_MANY_REJECTS: 2 of 60 records.*mixed\.jsonl, record 50: not JSON/);
  const file = join(dir, 'mixed/rejects/rejects.jsonl');
  expect(stopped.stderr).toContain(file);
  const rows = readFileSync(file, 'utf8');
  expect(rows.trim().split('\n').map((row) => (JSON.parse(row) as { line: number }).line)).toEqual([51, 56]); // prettier-ignore
  expect(filesBelow(join(dir, 'mixed/rejects')).length).toBeGreaterThan(1);
  await prep([...args, '--max-rejects', '0.1'], { cwd: dir });
  expect(readFileSync(file, 'utf8')).toBe(rows);
  expect(filesBelow(join(dir, 'mixed/rejects'))).toEqual(['rejects.jsonl']);
  await prep(['verify', 'mixed'], { cwd: dir });
});

test('a corpus whose documents were all dropped is none', async () => {
  writeJsonl(join(dir, 'novel.jsonl'), [{ text: 'A long, long story. '.repeat(500) }]);
  const { code, stderr } = await runPrep(pack('novel.jsonl', 'novel', '--long-documents', 'drop'), { cwd: dir });
  expect(code).toBe(65);
  expect(stderr).toMatch(
    /^error CORPUS_EMPTY: .*all 1 documents are dropped \(1 longer-than-window.*256.*--long-documents split/,
  );
  expect(existsSync(join(dir, 'novel/manifest.json'))).toBe(false);
});

test('a share of long documents where there are no short ones: what helps is said, by a dry run too, and the other way round', async () => {
  const story = (words: number) =>
    Array.from({ length: 3 }, (_, i) => ({ text: `Story ${i}. ${'On and on. '.repeat(words)}` }));
  writeJsonl(join(dir, 'all-long.jsonl'), story(500));
  writeJsonl(join(dir, 'all-short.jsonl'), story(2));
  for (const [input, lacking] of [
    ['all-long', 'short'],
    ['all-short', 'long'],
  ] as const)
    // prettier-ignore
    for (const more of [[], ['--dry-run']]) {
      const { code, stderr } = await runPrep(pack(`${input}.jsonl`, input, '--long-share', '0.3', ...more), { cwd: dir });
      expect([code, stderr]).toEqual([
        65,
        expect.stringMatching(new RegExp(`^error CORPUS_EMPTY: .*3 long-share.*leave out --long-share, or add ${lacking} documents`)),
      ]);
    }
});
