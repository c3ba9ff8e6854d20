/** One large compressed file: packed by all workers, resumed by its ranges, the same whoever does it. */
import { existsSync, readdirSync, readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import { beforeAll, expect, test } from 'vitest';
import { contents, temporaryFiles, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, SAMPLES, startPrep, TOKENIZER } from '../support/prep.ts';

const dir = temporaryFolder();
const TEXT = readFileSync(join(SAMPLES, 'corpus/chapters.jsonl'), 'utf8');
const pack = (input: string, out: string, workers: number) =>
  ['pack', input, '--out', out, '--tokenizer', TOKENIZER, '--window', '256', '--split-bytes', '32KiB', '-j', String(workers)]; // prettier-ignore
const receipts = (out: string) =>
  existsSync(join(dir, out, 'receipts'))
    ? readdirSync(join(dir, out, 'receipts')).filter((name) => /^\d+(-end)?\.json$/.test(name))
    : [];
let expected: Record<string, string>;

beforeAll(async () => {
  writeFileSync(join(dir, 'all.jsonl.gz'), gzipSync(TEXT));
  await prep(pack('all.jsonl.gz', 'one', 1), { cwd: dir });
  expected = contents(join(dir, 'one'));
});

test('is many splits, the same with three workers, and whole', async () => {
  expect(receipts('one').length).toBeGreaterThan(10);
  expect(receipts('one')).toContain('00000-end.json');
  await prep(pack('all.jsonl.gz', 'three', 3), { cwd: dir });
  expect(contents(join(dir, 'three'))).toEqual(expected);
  await prep(['verify', 'three'], { cwd: dir });
});

test('its windows are those of the same file uncompressed', async () => {
  writeFileSync(join(dir, 'all.jsonl'), TEXT);
  await prep(pack('all.jsonl', 'plain', 2), { cwd: dir });
  const ledger = (out: string) => {
    const { ledger: sums, windows } = JSON.parse(readFileSync(join(dir, out, 'manifest.json'), 'utf8')) as Record<
      string,
      unknown
    >;
    return { sums, windows };
  };
  expect(ledger('one')).toEqual(ledger('plain'));
});

test('killed, and gone on with: what has its receipt is not made again; then the same bytes', async () => {
  const { child, ended } = startPrep(pack('all.jsonl.gz', 'killed', 2), { cwd: dir });
  while (child.exitCode === null && receipts('killed').length < 4) await sleep(2);
  child.kill('SIGKILL');
  expect((await ended).signal).toBe('SIGKILL');
  const done = receipts('killed');
  expect(done).not.toContain('00000-end.json');
  const files = done.map((name) => join(dir, 'killed/shards', name.replace('.json', '-00000.arrow')));
  const inodes = () => files.map((path) => [path, statSync(path).ino]);
  const before = inodes();
  await prep(pack('all.jsonl.gz', 'killed', 3), { cwd: dir });
  expect(inodes()).toEqual(before);
  expect(temporaryFiles(join(dir, 'killed'))).toEqual([]);
  expect(contents(join(dir, 'killed'))).toEqual(expected);
});

test('changed under its plan, half done and done: FINGERPRINT_MISMATCH names it', async () => {
  const path = join(dir, 'changing.jsonl.gz');
  const plain = (text: string) => gzipSync(text, { level: 0 });
  writeFileSync(path, plain(TEXT));
  const { child, ended } = startPrep(pack('changing.jsonl.gz', 'changing', 1), { cwd: dir });
  while (child.exitCode === null && receipts('changing').length < 3) await sleep(2);
  child.kill('SIGINT');
  expect((await ended).code).toBe(75);
  const changed = plain(TEXT.replace(/e/, 'o'));
  expect(changed.length).toBe(statSync(path).size);
  const refused = async () => {
    const { code, stderr } = await runPrep(pack('changing.jsonl.gz', 'changing', 2), { cwd: dir });
    expect([code, stderr]).toEqual([65, expect.stringMatching(/FINGERPRINT_MISMATCH: changing\.jsonl\.gz: `content`/)]);
  };
  writeFileSync(path, changed);
  await refused();
  writeFileSync(path, plain(TEXT));
  await prep(pack('changing.jsonl.gz', 'changing', 2), { cwd: dir });
  writeFileSync(path, changed);
  utimesSync(path, new Date(), new Date(Date.now() + 5000));
  await refused();
});

test('what expands beyond reason is no text, in ranges or as one split', async () => {
  const bomb = gzipSync(new Uint8Array(80 * 1024 * 1024), { level: 9 });
  writeFileSync(join(dir, 'bomb.jsonl.gz'), bomb);
  for (const size of ['16KiB', '16MiB']) {
    const args = [...pack('bomb.jsonl.gz', size, 2), '--split-bytes', size];
    const { code, stderr } = await runPrep(args, { cwd: dir });
    expect([code, stderr]).toEqual([65, expect.stringMatching(/DECOMPRESSION_LIMIT: bomb\.jsonl\.gz/)]);
    expect(existsSync(join(dir, size, 'manifest.json'))).toBe(false);
  }
});
