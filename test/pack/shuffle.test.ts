import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { TokenRun } from '../../src/core/document.ts';
import { shuffleStage } from '../../src/pack/index.ts';
import { documentOf } from '../support/documents.ts';

const runOf = (record: number, tokens: number): TokenRun => ({
  ids: new Int32Array(tokens),
  document: documentOf('', record),
});

/** Records in the order they come out, and the most that were held at once. */
async function shuffle(
  lengths: readonly number[],
  batch: number,
  held: { tokens: number; documents: number },
  seed = 1,
) {
  const out: number[] = [];
  let [given, most] = [0, 0];
  const input = (async function* () {
    for (let at = 0; at < lengths.length; at += batch) {
      const items = lengths.slice(at, at + batch).map((tokens, i) => runOf(at + i, tokens));
      given += items.length;
      yield { items, cursor: { bytes: 0, records: at } };
    }
  })();
  const stage = shuffleStage(seed, 3, held);
  for await (const { items } of stage.run(input, { progress: () => {}, reject: () => {} })) {
    most = Math.max(most, given - out.length);
    out.push(...items.map(({ document }) => document.origin.record));
  }
  return { out, most };
}

test('every document comes once, no further than what is held, the same from any batches', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 0, max: 30 }), { maxLength: 300 }),
      fc.integer({ min: 1, max: 50 }),
      fc.record({ tokens: fc.integer({ min: 1, max: 500 }), documents: fc.integer({ min: 1, max: 50 }) }),
      async (lengths, batch, held) => {
        const { out } = await shuffle(lengths, batch, held);
        expect(out.toSorted((a, b) => a - b)).toEqual([...lengths.keys()]);
        for (const [place, record] of out.entries()) expect(Math.abs(place - record)).toBeLessThan(held.documents);
        expect((await shuffle(lengths, 1000, held)).out).toEqual(out);
      },
    ),
    { numRuns: 100, seed: 1 },
  );
});

test('documents are held up to a bound of either kind, and another seed gives another order', async () => {
  const lengths = Array.from({ length: 1000 }, () => 10);
  expect((await shuffle(lengths, 1, { tokens: 1e9, documents: 100 })).most).toBe(100);
  expect((await shuffle(lengths, 1, { tokens: 500, documents: 1e9 })).most).toBe(50);
  const all = { tokens: 1e9, documents: 1e9 };
  const { out } = await shuffle(lengths, 7, all);
  expect(out).not.toEqual((await shuffle(lengths, 7, all, 2)).out);
  // Of a thousand documents in a random order about one stays in its place.
  expect(out.filter((record, place) => record === place).length).toBeLessThan(10);
});

test('a batch is looked at no more when the next one is asked for', async () => {
  const memory = new Int32Array(10);
  const input = (async function* () {
    for (let record = 0; record < 40; record++) {
      memory.fill(record);
      yield { items: [{ ...runOf(record, 0), ids: memory }], cursor: { bytes: 0, records: record } };
    }
  })();
  const stage = shuffleStage(1, 3, { tokens: 200, documents: 100 });
  const seen: number[] = [];
  for await (const { items } of stage.run(input, { progress: () => {}, reject: () => {} }))
    for (const { document, ids } of items) {
      expect([...ids.subarray(0, 10)]).toEqual(Array(10).fill(document.origin.record));
      seen.push(document.origin.record);
    }
  expect(seen.length).toBe(40);
});
