/** The table of a pass: record batches written as rows come, rows read from any of them without the others. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { DEFAULT_FORM } from '../../src/core/noise.ts';
import { permutation } from '../../src/core/random.ts';
import { commitStream } from '../../src/io/commit.ts';
import type { NoiseRow } from '../../src/shard/corpus.ts';
import { readNoise } from '../../src/shard/noise-read.ts';
import { writeRows } from '../../src/shard/noise.ts';
import type { PassReceipt } from '../../src/shard/receipt.ts';
import { temporaryFolder } from '../support/folders.ts';

const form = { ...DEFAULT_FORM, per: 'block' as const, contextAlpha: 0.15 };
const from = {
  plan: 'plan',
  policy: 'adaptive',
  tokenizer: { sha256: '', vocabSize: 9, specialIds: { mask: 8, bos: null, eos: null, pad: 8 } },
};
/** Windows of 0 to 6,000 units, one of more than a record batch takes. */
const rows: NoiseRow[] = Array.from({ length: 60 }, (_, window) => {
  const units = window === 17 ? 70_000 : (window * 997) % 6000;
  const floats = (factor: number) => Float32Array.from({ length: units }, (_, i) => (1 + ((i * factor) % 1000)) / 1024);
  const unitLengths = Int32Array.from({ length: units }, (_, i) => 1 + (i % 7));
  const contextWeight = Float32Array.from({ length: window % 4 }, (_, i) => 1 + i);
  return { window, unitLengths, p: floats(7), weight: floats(11), key: [window, 0xffffffff - window], contextWeight };
});
let file: Uint8Array;
let receipt: PassReceipt;

beforeAll(async () => {
  const path = join(temporaryFolder(), 'pass-000.arrow');
  let batches: PassReceipt['batches'] = [];
  const info = { pass: 0, seed: 1, form };
  const made = await commitStream(path, async (sink) => {
    batches = await writeRows(
      sink,
      (async function* () {
        yield* rows;
      })(),
      info,
      from,
    );
  });
  file = readFileSync(path);
  receipt = { path: 'noise/pass-000.arrow', ...made, plan: 'plan', pass: 0, seed: 1, settings: {}, batches };
});

const opened = (changes: Partial<PassReceipt> = {}) => {
  const read: number[] = [];
  const pass = readNoise({ ...receipt, ...changes }, form, (position, target) => {
    read.push(target.length);
    target.set(file.subarray(position, position + target.length));
  });
  return { pass, read };
};

test('rows come back as they were, in any order, a record batch read once', () => {
  const { pass, read } = opened();
  expect(receipt.batches.length).toBeGreaterThan(4);
  for (const window of permutation(rows.length, 3, 0)) expect(pass.row(window)).toEqual(rows[window]);
  expect(read.sort((a, b) => a - b)).toEqual(receipt.batches.map(({ bytes }) => bytes).sort((a, b) => a - b));
});

test('one row takes one record batch and no more', () => {
  const { pass, read } = opened();
  pass.row(3);
  expect(read).toEqual([receipt.batches[0]!.bytes]);
});

test('what is not there, or not what the receipt says, is no row', () => {
  expect(() => opened().pass.row(rows.length)).toThrow('no window');
  expect(() => opened().pass.row(-1)).toThrow('no window');
  const [first, ...others] = receipt.batches;
  const wrong = (changes: object) => opened({ batches: [{ ...first!, ...changes }, ...others] }).pass;
  expect(() => wrong({ windows: first!.windows + 1 }).row(0)).toThrow();
  expect(() => wrong({ bytes: receipt.bytes + 1 }).row(0)).toThrow('bytes');
  expect(() => wrong({ offset: first!.offset + 8 }).row(0)).toThrow();
});
