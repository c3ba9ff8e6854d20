/** What a half-made corpus passes on to its merge: another content of the same size is told, and nothing is built of it. */
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { writePipeline } from '../support/corpus.ts';
import { fingerprint, type Json } from '../../src/core/fingerprint.ts';
import { contents, temporaryFolder } from '../support/folders.ts';
import { prep, runPrep, TOKENIZER } from '../support/prep.ts';

const cwd = temporaryFolder();

beforeAll(async () => {
  const lines = Array.from(
    { length: 200 },
    (_, k) => `{"text":"Text ${k}, with some words in it, and ${k * 7} more."}\n`,
  );
  writeFileSync(join(cwd, 'a.jsonl'), `not JSON\n${lines.join('')}`);
  const settings = {
    name: 'half',
    inputs: [{ source: 'a', paths: ['a.jsonl'] }],
    duplicates: 'drop',
    tokenizer: TOKENIZER,
  };
  writePipeline(cwd, { ...settings, window: 256, split_bytes: '4KiB' }, 'half.yaml');
  await prep(['plan', 'half.yaml', '--out', 'half'], { cwd });
  await prep(['pack', 'half'], { cwd });
});

const flip = (path: string, at: number): void => {
  const bytes = readFileSync(path);
  bytes[Math.floor(bytes.length * at)]! ^= 1;
  writeFileSync(path, bytes);
};

test.each([
  ['a tail', 'tails/00001.arrow', 0.7, []],
  ['the head of a tail', 'tails/00001.arrow', 0.02, []],
  ['rejects', 'rejects/00000.jsonl', 0.9, []],
  ['a decision', 'decision/00001.arrow', 0.7, ['receipts/00001.json']],
  ['a table of the survey', 'survey/documents/00001.arrow', 0.7, ['receipts/00001.json', 'decision/decision.json']],
])('%s', async (_, path, at, gone) => {
  cpSync(join(cwd, 'half'), join(cwd, 'copy'), { recursive: true });
  for (const name of gone) rmSync(join(cwd, 'copy', name));
  flip(join(cwd, 'copy', path), at);
  const { code, stderr } = await runPrep([gone.length === 0 ? 'merge' : 'pack', 'copy'], { cwd });
  expect([code, stderr]).toEqual([65, expect.stringMatching(`^error CORPUS_CORRUPT: .*${path}: content: its sha256`)]);
  expect(existsSync(join(cwd, 'copy/manifest.json'))).toBe(false);
  rmSync(join(cwd, 'copy'), { recursive: true });
});

test('what a process wrote after another had merged goes with the next look', async () => {
  cpSync(join(cwd, 'half'), join(cwd, 'merged'), { recursive: true });
  await prep(['merge', 'merged'], { cwd });
  const before = contents(join(cwd, 'merged'));
  for (const folder of ['tails', 'survey', 'decision'])
    cpSync(join(cwd, 'half', folder), join(cwd, 'merged', folder), { recursive: true });
  await prep(['pack', 'merged'], { cwd });
  expect(contents(join(cwd, 'merged'))).toEqual(before);
});

test('the plan of another version is not merged', async () => {
  cpSync(join(cwd, 'half'), join(cwd, 'older'), { recursive: true });
  const path = join(cwd, 'older/plan.json');
  const { id: _, splits, ...identity } = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Json>;
  const older = { ...identity, version: '0.0.1' };
  writeFileSync(path, JSON.stringify({ ...older, splits, id: fingerprint(older) }));
  const { code, stderr } = await runPrep(['merge', 'older'], { cwd });
  expect([code, stderr]).toEqual([65, expect.stringMatching(/FINGERPRINT_MISMATCH: .*plan\.json: `version`/)]);
});

test('a receipt that counts other pieces than its tail has', async () => {
  cpSync(join(cwd, 'half'), join(cwd, 'copy'), { recursive: true });
  const path = join(cwd, 'copy/receipts/00001.json');
  writeFileSync(
    path,
    readFileSync(path, 'utf8').replace(/"pieces":(\d+)/, (_, n) => `"pieces":${Number(n) + 1}`),
  );
  const { code, stderr } = await runPrep(['merge', 'copy'], { cwd });
  expect([code, stderr]).toEqual([65, expect.stringMatching(/CORPUS_CORRUPT: .*tails\/00001\.arrow: its pieces: are/)]);
});
