/** Sources with the names that every JavaScript object has members of: they are names like any other. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Ledger, Manifest } from '../../src/shard/index.ts';
import type { Verification } from '../../src/run/index.ts';
import { writePipeline } from '../support/corpus.ts';
import { temporaryFolder } from '../support/folders.ts';
import { prep, TOKENIZER } from '../support/prep.ts';

const cwd = temporaryFolder();
const NAMES = ['__proto__', 'constructor', 'plain'];
const settings = {
  name: 'odd',
  inputs: NAMES.map((source, i) => ({ source, paths: [`${i}.jsonl`], ...(i === 1 && { epochs: 2, tokens: 100_000 }) })),
  tokenizer: TOKENIZER,
  window: 256,
  split_bytes: '4KiB',
};

test('`__proto__` and `constructor` are sources: packed, counted, verified, inspected, foreseen and exported', async () => {
  for (const i of NAMES.keys()) {
    const lines = Array.from({ length: 40 }, (_, k) => `{"text":"Text ${k} of source ${i}, with some words in it."}\n`);
    writeFileSync(join(cwd, `${i}.jsonl`), `${lines.join('')}not JSON\n`);
  }
  writePipeline(cwd, settings, 'odd.yaml');
  const { stdout } = await prep(['odd.yaml', '--dry-run', '--json', '--out', 'odd'], { cwd });
  const foreseen = JSON.parse(stdout.trim().split('\n').at(-1)!) as { ledgerBySource: Record<string, Ledger> };
  await prep(['odd.yaml', '--out', 'odd', '--max-rejects', '0.1', '-j', '2'], { cwd });
  const { ledgerBySource } = JSON.parse(readFileSync(join(cwd, 'odd/manifest.json'), 'utf8')) as Manifest;
  for (const sources of [ledgerBySource, foreseen.ledgerBySource]) {
    expect(Object.keys(sources).sort()).toEqual(NAMES);
    for (const [name, ledger] of Object.entries(sources))
      expect([name, ledger.documents.read, ledger.rejected]).toEqual([name, 40, { 'json-syntax': 1 }]);
  }
  const verification = JSON.parse((await prep(['verify', 'odd', '--json'], { cwd })).stdout) as Verification;
  expect(verification.problems).toEqual([]);
  const inspected = (await prep(['inspect', 'odd'], { cwd })).stdout;
  for (const name of NAMES) expect(inspected).toContain(name);
  await prep(['export', 'odd', '--to', 'hf', '--out', 'exported'], { cwd });
});
