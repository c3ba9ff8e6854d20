/** Rules that look across documents: what is there is decided by plan order, never by who ran first. */
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { gzipSync } from 'node:zlib';
import type { DocumentRow } from '../../src/core/document.ts';
import { statusOf, type Verification } from '../../src/run/index.ts';
import { type Manifest, readDocuments } from '../../src/shard/index.ts';
import { writeJsonl, writePipeline } from '../support/corpus.ts';
import { contents, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, startPrep, TOKENIZER } from '../support/prep.ts';

const cwd = temporaryFolder();
const BUDGET = 4000;
const settings = {
  name: 'mixed',
  inputs: [
    { source: 'a', paths: ['a.jsonl'] },
    { source: 'b', paths: ['b.jsonl.gz'], tokens: BUDGET, epochs: 1.5 },
    { source: 'c', paths: ['c.jsonl'], epochs: 2 },
  ],
  duplicates: 'drop',
  min_tokens: 6,
  validation: 0.2,
  tokenizer: TOKENIZER,
  window: 256,
  split_bytes: '4KiB',
};
/** Of 300 texts, so that most are in several files and often twice in one. */
const record = (i: number) => {
  const n = (i * 7919) % 300;
  return { text: n < 12 ? `${n}` : `Text ${n} ${'of some words that make it longer, '.repeat(1 + (n % 9))}${n}.` };
};
const records = (from: number, count: number) => Array.from({ length: count }, (_, i) => record(from + i));

function documentsOf(out: string): DocumentRow[] {
  const manifest = JSON.parse(readFileSync(join(cwd, out, 'manifest.json'), 'utf8')) as Manifest;
  return manifest.splits.flatMap(({ table }) => {
    if (!table) return [];
    const rows = readDocuments(readFileSync(join(cwd, out, table.path)));
    return Array.from({ length: rows.length }, (_, i) => rows.row(i));
  });
}
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex').slice(0, 32);

beforeAll(async () => {
  writeJsonl(join(cwd, 'a.jsonl'), records(0, 150));
  const lines = records(100, 200).map((one) => `${JSON.stringify(one)}\n`);
  writeFileSync(join(cwd, 'b.jsonl.gz'), gzipSync(lines.join('')));
  writeJsonl(join(cwd, 'c.jsonl'), records(250, 150));
  writePipeline(cwd, settings, 'mixed.yaml');
  await prep(['mixed.yaml', '--workers', '1', '--out', 'one'], { cwd });
});

test('as one reading of the inputs in order decides it', async () => {
  const verification = JSON.parse((await prep(['verify', 'one', '--json'], { cwd })).stdout) as Verification;
  expect(verification.problems).toEqual([]);
  const rows = documentsOf('one');
  const texts = [...records(0, 150), ...records(100, 200), ...records(250, 150)].map(({ text }) => text);
  expect(rows.map(({ hash }) => Buffer.from(hash).toString('hex'))).toEqual(texts.map(hashOf));
  const seen = new Set<string>();
  let [used, closed] = [0, false];
  for (const [i, { source, tokens, copies, dropped }] of rows.entries()) {
    if (tokens < 6) {
      expect(dropped).toBe('too-few-tokens');
      continue;
    }
    const repeated = seen.has(texts[i]!);
    seen.add(texts[i]!);
    if (repeated) expect([i, copies, dropped]).toEqual([i, 0, 'duplicate']);
    else if (source === 'c') expect([i, copies, dropped]).toEqual([i, 2, '']);
    else if (source === 'a') expect([i, copies, dropped]).toEqual([i, 1, '']);
    else if (dropped === 'over-budget') closed = true;
    else {
      expect(closed).toBe(false);
      used += tokens * copies;
    }
  }
  expect(closed).toBe(true);
  expect(used).toBeLessThanOrEqual(BUDGET);
  expect(used).toBeGreaterThan(BUDGET - 200);
});

test('the same bytes with three workers, and nothing of the survey is left', async () => {
  await prep(['mixed.yaml', '--workers', '3', '--out', 'three'], { cwd });
  expect(contents(join(cwd, 'three'))).toEqual(contents(join(cwd, 'one')));
  for (const folder of ['survey', 'decision', 'claims']) expect(existsSync(join(cwd, 'three', folder))).toBe(false);
});

test('in steps, by two processes at once, from another number of workers', async () => {
  await prep(['plan', 'mixed.yaml', '--out', 'steps'], { cwd });
  const both = [1, 2].map((workers) => startPrep(['pack', 'steps', '--workers', String(workers)], { cwd }).ended);
  expect((await Promise.all(both)).map(({ code, stderr }) => `${code} ${stderr}`)).toEqual(['0 ', '0 ']);
  await prep(['merge', 'steps'], { cwd });
  expect(contents(join(cwd, 'steps'))).toEqual(contents(join(cwd, 'one')));
});

test('a run whose decision and packed splits are gone makes the same again', async () => {
  await prep(['plan', 'mixed.yaml', '--out', 'again'], { cwd });
  await prep(['pack', 'again'], { cwd });
  expect(await statusOf(join(cwd, 'again'))).toMatchObject({ state: 'packed', documents: 500 });
  for (const name of ['decision', 'receipts/00000.json', 'survey/receipts/00001.json'])
    rmSync(join(cwd, 'again', name), { recursive: true });
  await prep(['mixed.yaml', '--out', 'again'], { cwd });
  expect(contents(join(cwd, 'again'))).toEqual(contents(join(cwd, 'one')));
});

const CONTENT = /FINGERPRINT_MISMATCH: a\.jsonl: `content` is/;
const RECORD = /FINGERPRINT_MISMATCH: a\.jsonl: `content of record 1` is/;

// By its time before anything is packed; where that is as it was, by the first of its texts that was not surveyed.
test.each([
  ['another number of tokens', 'some words', 'some worms', false, CONTENT],
  ['another number of tokens, its time kept', 'some words', 'some worms', true, RECORD],
  ['the same number of tokens, its time kept', 'some words', 'words some', true, RECORD],
])('an input that changed since its survey is told: %s', async (_, from, to, kept, expected) => {
  const out = `changed-${String(kept)}-${to.indexOf('some')}`;
  await prep(['plan', 'mixed.yaml', '--out', out], { cwd });
  await prep(['pack', out], { cwd });
  rmSync(join(cwd, out, 'receipts'), { recursive: true });
  const { atime, mtime } = statSync(join(cwd, 'a.jsonl'));
  const before = readFileSync(join(cwd, 'a.jsonl'), 'utf8');
  try {
    writeFileSync(join(cwd, 'a.jsonl'), before.replace(from, to));
    if (kept) utimesSync(join(cwd, 'a.jsonl'), atime, mtime);
    const { code, stderr } = await runPrep(['pack', out, '--workers', '1'], { cwd });
    expect(code).toBe(65);
    expect(stderr).toMatch(expected);
    expect(existsSync(join(cwd, out, 'receipts/00000.json'))).toBe(false);
  } finally {
    writeFileSync(join(cwd, 'a.jsonl'), before);
    utimesSync(join(cwd, 'a.jsonl'), atime, mtime);
  }
});

test('the status of a survey that is cut short', async () => {
  await prep(['plan', 'mixed.yaml', '--out', 'surveyed'], { cwd });
  expect((await statusOf(join(cwd, 'surveyed'))).state).toBe('planned');
  await prep(['pack', 'surveyed'], { cwd });
  for (const name of ['decision', 'receipts', 'survey/receipts/00001.json'])
    rmSync(join(cwd, 'surveyed', name), { recursive: true });
  const { state, entries } = await statusOf(join(cwd, 'surveyed'));
  expect([state, entries.left, entries.done]).toEqual(['surveying', 1, entries.all - 1]);
});

test('held-out documents: all copies of a text are on one side', () => {
  const subsets = new Map<string, string>();
  for (const { hash, subset } of documentsOf('one')) {
    const text = Buffer.from(hash).toString('hex');
    expect(subsets.get(text) ?? subset).toBe(subset);
    subsets.set(text, subset);
  }
  expect(new Set(subsets.values())).toEqual(new Set(['train', 'validation']));
});

test('where only duplicates are asked for, the survey looks at hashes alone, also of texts that the tokenizer then refuses', async () => {
  const texts = Array.from(
    { length: 60 },
    (_, i) => `${i % 9 === 4 ? '<|mask|> ' : ''}text number ${i % 23}, and some words`,
  );
  writeJsonl(
    join(cwd, 'dup.jsonl'),
    texts.map((text) => ({ text })),
  );
  const small = {
    name: 'dup',
    inputs: [{ paths: ['dup.jsonl'] }],
    tokenizer: TOKENIZER,
    window: 128,
    split_bytes: '1KiB',
  };
  writePipeline(cwd, { ...small, duplicates: 'drop', special_text: 'reject', limits: { reject_share: 1 } }, 'dup.yaml');
  await prep(['plan', 'dup.yaml', '--out', 'dup'], { cwd });
  await prep(['pack', 'dup'], { cwd });
  const surveyed = readdirSync(join(cwd, 'dup/survey/documents')).flatMap((name) => {
    const rows = readDocuments(readFileSync(join(cwd, 'dup/survey/documents', name)));
    return [...rows.tokens()];
  });
  expect(surveyed).toEqual(Array<number>(60).fill(0));
  await prep(['merge', 'dup'], { cwd });
  const { ledger } = JSON.parse(readFileSync(join(cwd, 'dup/manifest.json'), 'utf8')) as Manifest;
  const refused = texts.filter((text) => text.startsWith('<')).length;
  const plain = new Set(texts.filter((text) => !text.startsWith('<'))).size;
  expect(refused).toBeGreaterThan(4);
  expect(ledger.rejected).toEqual({ 'special-token': refused });
  expect(ledger.documents).toEqual({ read: 60 - refused, packed: plain, dropped: { duplicate: 60 - refused - plain } });
  await prep(['verify', 'dup'], { cwd });
});
