/** Every way to pack, from raw documents to a verified corpus; the same bytes on another number of workers. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ENDS, endsAt } from '../../src/core/token-ends.ts';
import { verifyCorpus } from '../../src/run/index.ts';
import { type Manifest, openCorpus, readDocuments } from '../../src/shard/index.ts';
import { loadTokenizer } from '../../src/tokenize/index.ts';
import { SMALL, writePipeline, writeSmallCorpus } from '../support/corpus.ts';
import { digest, temporaryFolder } from '../support/folders.ts';
import { prep } from '../support/prep.ts';

const dir = temporaryFolder();
writeSmallCorpus(dir);
// Windows of 128 tokens: most documents of the sample are longer.
const file = writePipeline(dir, { ...SMALL, window: 128, noise: { passes: 0 } }, 'packing.yaml');
const reasons = new Set<string>();

test.each([
  ['bfd_split with eod', ['--packing', 'bfd_split', '--policy', 'eod']],
  ['bfd', ['--packing', 'bfd']],
  ['first-fit, least segments', ['--packing', 'first-fit', '--min-segment', '64', '--policy', 'eod']],
  ['first-fit-decreasing, drop', ['--packing', 'first_fit_decreasing', '--long-documents', 'drop']],
  ['balanced-fit, long share, shuffled', ['--packing', 'balanced-fit', '--long-share', '0.5', '--shuffle']],
  ['wrapped', ['--packing', 'wrapped', '--policy', 'direct', '--shuffle']],
  ['wrapped with eod, least segments', ['--packing', 'wrapped', '--policy', 'eod', '--min-segment', '16']],
])('%s', async (name, args) => {
  const out = join(dir, name.replaceAll(/\W+/g, '-'));
  await prep([file, '--out', out, '--workers', '1', ...args], { cwd: dir });
  expect((await verifyCorpus(out)).problems).toEqual([]);
  const manifest = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8')) as Manifest;
  for (const reason of Object.keys(manifest.ledger.tokens.dropped)) reasons.add(reason);
  await prep([file, '--out', `${out}-3`, '--workers', '3', ...args], { cwd: dir });
  expect(digest(`${out}-3`)).toBe(digest(out));
});

test('tokens were dropped for each reason that a setting gives', () => {
  expect([...reasons].sort()).toEqual([
    'long-share',
    'longer-than-window',
    'short-document',
    'short-remainder',
    'truncated',
  ]);
});

test('a part shorter than its window ends with a paragraph, a line or a sentence', async () => {
  const corpus = await openCorpus(join(dir, 'bfd_split-with-eod'));
  const { tokenEnds } = loadTokenizer(readFileSync(SMALL.tokenizer), SMALL.tokenizer);
  const { windows, splits } = corpus.manifest;
  const parts = splits.map(({ table }) => table && readDocuments(readFileSync(join(corpus.dir, table.path))).parts());
  const kinds = new Map<number, number>();
  for (let window = 0; window < windows.train + windows.validation; window++) {
    const { segments, inputIds } = await corpus.read(window);
    for (const { start, length, split, document, part } of segments) {
      if (part === parts[split]![document]! - 1 || length === 128) continue;
      const kind = endsAt(inputIds.subarray(start, start + length), length, tokenEnds);
      // Else it was cut before a character of up to four tokens that lies on the window's end.
      if (kind !== ENDS.character || length < 125) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
    }
  }
  await corpus.close();
  expect([...kinds.keys()].sort((a, b) => a - b)).toEqual([ENDS.sentence, ENDS.line, ENDS.paragraph]);
});
