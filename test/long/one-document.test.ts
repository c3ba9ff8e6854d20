/** One document of 1 GiB through `prep`, end to end, in the memory of any other corpus; then proved against its source. */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { verifyCorpus } from '../../src/run/index.ts';
import type { Manifest } from '../../src/shard/index.ts';
import { writePipeline } from '../support/corpus.ts';
import { filesBelow, temporaryFolder } from '../support/folders.ts';
import { startPrep } from '../support/prep.ts';
import { corpus, random, REAL } from '../support/tokenizers.ts';

const MiB = 2 ** 20;
const dir = temporaryFolder();

test('1 GiB of text in one file', async () => {
  const texts = corpus('en').map((text) => Buffer.from(`${text.toWellFormed()}\n\n`));
  const { below } = random(7);
  const file = openSync(join(dir, 'one.txt'), 'w');
  let bytes = 0;
  while (bytes < 1024 * MiB) bytes += writeSync(file, texts[below(texts.length)]!);
  closeSync(file);
  const limits = { document_bytes: '2GiB' };
  const settings = {
    name: 'one',
    inputs: [{ paths: ['one.txt'] }],
    tokenizer: REAL['Qwen 2.5'],
    window: '128k',
    limits,
  };
  writePipeline(dir, { ...settings, noise: { passes: 0 } }, 'one.yaml');

  const { child, ended } = startPrep(['one.yaml', '--out', 'out', '--workers', '2'], { cwd: dir });
  let peak = 0;
  const watch = setInterval(() => {
    try {
      const status = readFileSync(`/proc/${child.pid}/status`, 'utf8');
      peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024);
    } catch {
      // It has just ended.
    }
  }, 50);
  const { code, stderr } = await ended;
  clearInterval(watch);
  expect([code, stderr]).toEqual([0, '']);
  // 318 MiB were measured: those of two workers, and a round of packing.
  expect(peak).toBeGreaterThan(100 * MiB);
  expect(peak).toBeLessThan(512 * MiB);

  const { ledger } = JSON.parse(readFileSync(join(dir, 'out/manifest.json'), 'utf8')) as Manifest;
  expect(ledger.documents.read).toBe(1);
  expect(ledger.bytes).toBe(bytes);
  const { problems, compared } = await verifyCorpus(join(dir, 'out'), { deep: { share: 1, seed: 0, root: dir } });
  expect([problems, compared]).toEqual([[], 1]);
  expect(filesBelow(join(dir, 'out')).filter((name) => name.includes('.tmp-'))).toEqual([]);
});
