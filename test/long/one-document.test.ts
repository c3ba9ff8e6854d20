/** Documents that are much larger than memory may be, through `prep`, end to end, in the memory of any other corpus; then proved against their source. */
import { closeSync, mkdtempSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { verifyCorpus } from '../../src/run/index.ts';
import type { Manifest } from '../../src/shard/index.ts';
import { writePipeline } from '../support/corpus.ts';
import { filesBelow, temporaryFolder } from '../support/folders.ts';
import { startPrep } from '../support/prep.ts';
import { corpus, random, REAL } from '../support/tokenizers.ts';

const MiB = 2 ** 20;
const root = temporaryFolder();

/** Writes texts of the corpus as one document, or as one in each line of JSON; returns the bytes of all their text. */
function write(path: string, documents: number, each: number): number {
  const texts = corpus('en').map((text) => `${text.toWellFormed()}\n\n`);
  const { below } = random(7);
  const isText = path.endsWith('.txt');
  const pieces = texts.map((text) => Buffer.from(isText ? text : JSON.stringify(text).slice(1, -1)));
  const sizes = texts.map((text) => Buffer.byteLength(text));
  const file = openSync(path, 'w');
  let all = 0;
  for (let document = 0; document < documents; document++) {
    if (!isText) writeSync(file, `{"id":"long ${document}","text":"`);
    for (let bytes = 0; bytes < each;) {
      const piece = below(pieces.length);
      writeSync(file, pieces[piece]!);
      bytes += sizes[piece]!;
      all += sizes[piece]!;
    }
    if (!isText) writeSync(file, '"}\n');
  }
  closeSync(file);
  return all;
}

test.each([
  ['one text of 1 GiB', 'one.txt', 1, 1024 * MiB, { document_bytes: '2GiB' }],
  ['one line of 1 GiB', 'one.jsonl', 1, 1024 * MiB, { document_bytes: '2GiB' }],
  ['two lines of 200 MiB at once', 'two.jsonl', 2, 200 * MiB, {}],
] as const)('%s', async (_, name, documents, each, limits) => {
  const dir = mkdtempSync(join(root, 'of-'));
  const bytes = write(join(dir, name), documents, each);
  const settings = {
    name: 'one',
    inputs: [{ paths: [name] }],
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
  // Measured: 280, 334 and 501 MB (docs/decisions/0008-reading.md).
  expect(peak).toBeGreaterThan(100 * MiB);
  expect(peak).toBeLessThan(512 * MiB);

  const { ledger } = JSON.parse(readFileSync(join(dir, 'out/manifest.json'), 'utf8')) as Manifest;
  expect(ledger.documents.read).toBe(documents);
  expect(ledger.bytes).toBe(bytes);
  const { problems, compared } = await verifyCorpus(join(dir, 'out'), { deep: { share: 1, seed: 0, root: dir } });
  expect([problems, compared]).toEqual([[], documents]);
  expect(filesBelow(join(dir, 'out')).filter((found) => found.includes('.tmp-'))).toEqual([]);
});
