/** The same records in every compression are the same documents of a verified corpus. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { expect, test } from 'vitest';
import { openCorpus } from '../../src/shard/index.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, ROOT, runPrep, TOKENIZER } from '../support/prep.ts';

const dir = temporaryFolder();
const stored = (name: string) => readFileSync(join(ROOT, 'test/io/compressed', name));

test('packed from plain, gzip, zstd, bzip2 and xz: the same windows', async () => {
  const plain = stored('records.jsonl');
  writeFileSync(join(dir, 'a.jsonl'), plain);
  writeFileSync(join(dir, 'a.jsonl.gz'), gzipSync(plain));
  for (const ending of ['zst', 'bz2', 'xz'])
    writeFileSync(join(dir, `a.jsonl.${ending}`), stored(`records.jsonl.${ending}`));
  const windows: string[] = [];
  for (const name of ['a.jsonl', 'a.jsonl.gz', 'a.jsonl.zst', 'a.jsonl.bz2', 'a.jsonl.xz']) {
    const out = join(dir, `out-${name}`);
    await prep(['pack', name, '--tokenizer', TOKENIZER, '--window', '128', '--out', out, '--passes', '0'], {
      cwd: dir,
    });
    await prep(['verify', out], { cwd: dir });
    const corpus = await openCorpus(out);
    const ids: number[] = [];
    for (let window = 0; window < corpus.manifest.windows.train; window++)
      ids.push(...(await corpus.read(window)).inputIds);
    expect(corpus.manifest.ledger.documents.packed).toBe(40);
    await corpus.close();
    windows.push(ids.join(' '));
  }
  expect(new Set(windows).size).toBe(1);
});

test('a bomb is an error with a code, and leaves no corpus', async () => {
  const zeros = stored('zeros.txt.bz2');
  writeFileSync(join(dir, 'zeros.txt.bz2'), zeros);
  const out = join(dir, 'bomb');
  const ended = await runPrep(['pack', 'zeros.txt.bz2', '--tokenizer', TOKENIZER, '--out', out], { cwd: dir });
  expect([ended.code, ended.stderr]).toEqual([65, expect.stringContaining('DECOMPRESSION_LIMIT')]);
});
