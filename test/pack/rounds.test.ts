/** Packing holds one round, whatever comes: tails by the thousand, documents by the hundred thousand. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import type { Batch } from '../../src/core/batch.ts';
import type { TokenRun } from '../../src/core/document.ts';
import { Pieces } from '../../src/core/pieces.ts';
import type { Piece, Window } from '../../src/core/window.ts';
import { packStage, packTails } from '../../src/pack/index.ts';
import { Packer } from '../../src/pack/packer.ts';
import { documentOf } from '../support/documents.ts';

const WINDOW = 64;
const piece = (split: number, document: number): Piece => ({
  ids: Int32Array.from(
    { length: 1 + ((split * 31 + document * 17) % WINDOW) },
    (_, i) => split * 1e6 + document * 1e3 + i,
  ),
  subset: document % 7 === 0 ? 'validation' : 'train',
  split,
  document,
  source: document % 2 === 0 ? 'a' : 'b',
  documentOffset: document % 3,
  part: document % 2,
  promptTokens: 0,
  copy: 0,
  key: 0n,
});
const tailOf = (split: number) => Array.from({ length: 20 }, (_, document) => piece(split, document));

async function packed(splits: number, roundTokens?: number, onTail?: (made: number) => void) {
  const windows: Window[] = [];
  const tails = (function* () {
    for (let split = 0; split < splits; split++) {
      onTail?.(windows.length);
      yield tailOf(split);
    }
  })();
  const options = { windowLength: WINDOW, pad: -1, method: 'best-fit', sources: {} } as const;
  for await (const window of packTails(tails, options, roundTokens === undefined ? {} : { roundTokens }))
    windows.push(window);
  return windows;
}

test('tails are packed in rounds: windows come before the last tail is read, nothing is lost, and again the same', async () => {
  const before: number[] = [];
  const windows = await packed(50, 20 * WINDOW, (made) => before.push(made));
  expect(before[10]).toBeGreaterThan(50);
  // Held at any time: a round, and what a round leaves (two windows of each subset).
  for (const [split, made] of before.entries()) {
    const read = Array.from({ length: split }, (_, s) => tailOf(s)).flat();
    const tokens = read.reduce((sum, { ids }) => sum + ids.length, 0);
    const out = windows.slice(0, made).reduce((sum, { numTokens }) => sum + numTokens, 0);
    expect(tokens - out).toBeLessThan(25 * WINDOW);
  }
  expect(windows.map(({ index }) => index)).toEqual(windows.map((_, i) => i));
  const all = Array.from({ length: 50 }, (_, split) => tailOf(split)).flat();
  const key = (p: Pick<Piece, 'split' | 'document'>) => p.split * 1000 + p.document;
  const found = windows.flatMap(({ segments, inputIds, subset }) =>
    segments.map(({ start, length, split, document, source, documentOffset, part, promptTokens }) => ({
      split,
      document,
      source,
      documentOffset,
      part,
      promptTokens,
      subset,
      ids: inputIds.slice(start, start + length),
    })),
  );
  for (const [i, piece] of found.sort((a, b) => key(a) - key(b)).entries()) expect(all[i]).toMatchObject(piece);
  expect(found).toHaveLength(all.length);
  expect(await packed(50, 20 * WINDOW)).toEqual(windows);
});

test('with many lanes and few windows a round there is a round for each round of tokens, and what it leaves is bounded', () => {
  const roundTokens = 8 * WINDOW;
  const options = { windowLength: WINDOW, pad: -1, method: 'best-fit', sources: {}, roundTokens } as const;
  const packer = new Packer(options);
  let [added, out, rounds] = [0, 0, 0];
  for (let document = 0; document < 500; document++)
    for (let copy = 0; copy < 8; copy++) {
      const one = { ...piece(1, document), subset: 'train' as const, copy };
      packer.add(one);
      added += one.ids.length;
      if (!packer.full) continue;
      rounds++;
      for (const { numTokens, segments } of packer.round(() => undefined)) {
        out += numTokens;
        expect(new Set(segments.map((segment) => segment.document)).size).toBe(segments.length);
      }
      // Four windows; two of each of the eight lanes are sixteen.
      expect(added - out).toBeLessThanOrEqual(4 * WINDOW);
    }
  expect(rounds).toBeLessThanOrEqual(Math.floor(added / roundTokens));
  for (const { numTokens } of packer.rest()) out += numTokens;
  expect(out).toBe(added);
});

test('tails of less than a round are packed at once: training windows, then validation windows, hardly any room left', async () => {
  const windows = await packed(50);
  const subsets = windows.map(({ subset }) => subset);
  expect(subsets).toEqual([...subsets].sort());
  const tokens = windows.reduce((sum, { numTokens }) => sum + numTokens, 0);
  expect(windows.length - tokens / WINDOW).toBeLessThan(4);
});

test('pieces come back as they were put in', () => {
  const pieces = new Pieces();
  const all = [...tailOf(1), ...tailOf(2), ...tailOf(3), ...tailOf(4)];
  for (const one of all) pieces.push(one);
  expect([...pieces]).toEqual(all);
  expect(pieces.lengths()).toEqual(Int32Array.from(all, ({ ids }) => ids.length));
  expect(pieces.tokens).toBe(pieces.allIds().length);
});

test('200,000 short documents take less than 420 bytes each while they wait for the end of their split', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = () => {
    collect();
    const { heapUsed, external } = process.memoryUsage();
    return heapUsed + external;
  };
  const count = 200_000;
  const settings = {
    windowLength: 1024,
    method: 'best-fit',
    longDocuments: 'split',
    minSegment: 0,
    separator: 1,
    pad: 1,
    validation: 0,
    seed: 0,
    sources: {},
  } as const;
  const stage = packStage(settings, 0, ['a']);
  const before = used();
  let held = 0;
  const input = (async function* (): AsyncGenerator<Batch<TokenRun>> {
    for (let at = 0; at < count; at += 500) {
      const items = Array.from({ length: 500 }, (_, i) => ({
        ids: new Int32Array(20).fill(at + i),
        document: documentOf(`text ${at + i}`, at + i, { id: `document-${at + i}` }),
      }));
      yield { items, cursor: { bytes: 0, records: at } };
    }
    held = used() - before;
  })();
  for await (const _ of stage.run(input, { progress() {}, reject() {} }));
  expect(stage.result.documents.length).toBe(count);
  // Columns: 77 + 15 for the id, 37 + 84 for the piece, and arrays that have just doubled; objects took 900.
  expect(held / count).toBeLessThan(420);
});
