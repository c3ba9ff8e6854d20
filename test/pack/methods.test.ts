/** Every method, every setting: what must hold of windows, and what a plain definition of the method gives. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Batch } from '../../src/core/batch.ts';
import type { TokenRun } from '../../src/core/document.ts';
import type { Window } from '../../src/core/window.ts';
import { type Method, METHODS, type PackOptions, packLengths, packStage, packTails } from '../../src/pack/index.ts';
import { allowedLoss } from '../../src/run/loss.ts';
import { documentRows } from '../support/document-rows.ts';
import { documentOf } from '../support/documents.ts';

const SEPARATOR = -7;
const PAD = -9;

/** Fills of the windows by the definition of a method, looking at every window each time; no length is above the window's. */
function naive(lengths: readonly number[], windowLength: number, method: Method): number[] {
  const windows: number[] = [];
  const decreasing = method === 'best-fit' || method === 'first-fit-decreasing';
  for (const length of decreasing ? lengths.toSorted((a, b) => b - a) : lengths) {
    const fitting = [...windows.keys()].filter((w) => windows[w]! + length <= windowLength);
    const [first = -1] = fitting;
    const fullest = fitting.toSorted((a, b) => windows[b]! - windows[a]!)[0] ?? -1;
    const chosen = method === 'best-fit' ? fullest : first;
    if (chosen < 0) windows.push(length);
    else windows[chosen]! += length;
  }
  return windows.sort((a, b) => a - b);
}

const settings = fc.record({
  windowLength: fc.integer({ min: 8, max: 40 }),
  method: fc.constantFrom(...METHODS),
  longDocuments: fc.constantFrom('split', 'truncate', 'drop'),
  minSegment: fc.constantFrom(0, 1, 2, 5, 8),
  separator: fc.constantFrom(null, SEPARATOR),
});
const lengthsOf = (max: number) => fc.array(fc.integer({ min: 0, max }), { minLength: 1, maxLength: 60 });

const runOf = (record: number, length: number, copies = 1): TokenRun => ({
  verdict: { copies, dropped: '' },
  // Each token says which document and place it is of.
  ids: Int32Array.from({ length }, (_, i) => record * 1000 + i),
  document: documentOf(`text ${record}`, record),
});

/** Packs splits of documents of these lengths; a token's text ends something where `ends` says so. */
async function pack(
  splits: readonly (readonly number[])[],
  options: PackOptions,
  {
    batch = 7,
    roundTokens = 100,
    copies = 1,
    ends,
  }: { batch?: number; roundTokens?: number; copies?: number; ends?: (id: number) => number } = {},
) {
  const windows: Window[] = [];
  const tails = [];
  const results = [];
  for (const [split, lengths] of splits.entries()) {
    const stage = packStage(options, split, ['a'], { roundTokens, ...(ends && { tokenEnds: ends }) });
    const runs = lengths.map((length, record) => runOf(record, length, 1 + (record % copies)));
    const input = (async function* (): AsyncGenerator<Batch<TokenRun>> {
      for (let at = 0; at < runs.length; at += batch)
        yield { items: runs.slice(at, at + batch), cursor: { bytes: 0, records: at } };
    })();
    for await (const { items } of stage.run(input, { progress: () => {}, reject: () => {} })) windows.push(...items);
    tails.push(stage.result.tail);
    results.push(stage.result);
  }
  for await (const window of packTails(tails, options, { roundTokens })) windows.push(window);
  return { windows, results };
}

const optionsOf = (given: Omit<PackOptions, 'pad' | 'validation' | 'seed' | 'sources'>): PackOptions => ({
  ...given,
  pad: PAD,
  validation: 0.2,
  seed: 3,
  sources: {},
});

describe('the stage', () => {
  /** A line ends after every fifth token. */
  const ends = (id: number) => (id % 5 === 4 ? 1 : 0);
  const input = fc.record({ given: settings, splits: fc.array(lengthsOf(130), { minLength: 1, maxLength: 3 }) });

  test('every token is in one window or dropped with a reason, parts follow each other, no window or segment is wrong', async () => {
    const seen = new Set<string>();
    await fc.assert(
      fc.asyncProperty(input, async ({ given, splits }) => {
        const options = optionsOf(given);
        const { windowLength, minSegment, method } = options;
        const separator = options.separator === null ? 0 : 1;
        const { windows, results } = await pack(splits, options, { ends });
        const rows = results.map(({ documents }) => documentRows(documents));
        const parts = new Map<string, { part: number; offset: number; ids: number[] }[]>();
        for (const { inputIds, numTokens, segments, subset } of windows) {
          expect(numTokens).toBeGreaterThan(0);
          expect(numTokens).toBeLessThanOrEqual(windowLength);
          expect(inputIds).toHaveLength(windowLength);
          expect(inputIds.subarray(numTokens).every((id) => id === PAD)).toBe(true);
          let end = 0;
          for (const { start, length, split, document, part, documentOffset } of segments) {
            expect(start).toBe(end);
            end += length;
            expect(length).toBeGreaterThanOrEqual(Math.max(1, minSegment));
            expect(rows[split]![document]!.subset).toBe(subset);
            const key = `${split} ${document}`;
            const ids = [...inputIds.subarray(start, end)];
            parts.set(key, [...(parts.get(key) ?? []), { part, offset: documentOffset, ids }]);
          }
          expect(end).toBe(numTokens);
        }
        for (const [split, lengths] of splits.entries()) {
          let lost = 0;
          for (const [document, tokens] of lengths.entries()) {
            const found = (parts.get(`${split} ${document}`) ?? []).toSorted((a, b) => a.part - b.part);
            expect(found.map(({ part }) => part)).toEqual(found.map((_, i) => i));
            expect(rows[split]![document]).toMatchObject({ parts: found.length, tokens });
            const whole = found.flatMap(({ ids }) => ids);
            found.reduce((at, { offset, ids }) => (expect(offset).toBe(at), at + ids.length), 0);
            const kept = whole.slice(0, whole.length - (found.length > 0 ? separator : 0));
            expect(kept).toEqual(kept.map((_, i) => document * 1000 + i));
            if (found.length > 0 && separator) expect(whole.at(-1)).toBe(SEPARATOR);
            const lack = tokens - kept.length;
            const [least, most] = allowedLoss(tokens, 'a', { ...options, separatorOf: () => separator });
            expect(lack).toBeGreaterThanOrEqual(least);
            expect(lack).toBeLessThanOrEqual(most);
            if (tokens + separator <= windowLength && method !== 'concat') expect(found.length).toBeLessThanOrEqual(1);
            lost += lack;
          }
          const { dropped } = results[split]!;
          expect(dropped.reduce((sum, { tokens }) => sum + tokens, 0)).toBe(lost);
          for (const { reason } of dropped) seen.add(reason);
          const gone = lengths.filter((_, document) => !parts.has(`${split} ${document}`)).length;
          expect(dropped.reduce((sum, { documents }) => sum + documents, 0)).toBe(gone);
        }
      }),
      { numRuns: 300, seed: 1 },
    );
    expect([...seen].sort()).toEqual([
      'longer-than-window',
      'no-tokens',
      'short-document',
      'short-remainder',
      'truncated',
    ]);
  });

  test('gives the same windows whatever the batches', async () => {
    await fc.assert(
      fc.asyncProperty(input, async ({ given, splits }) => {
        const options = optionsOf(given);
        const { windows } = await pack(splits, options, { ends, batch: 1 });
        expect((await pack(splits, options, { ends, batch: 1000 })).windows).toEqual(windows);
      }),
      { numRuns: 60, seed: 2 },
    );
  });

  test('a document that is to be there several times is, whole, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(settings, lengthsOf(60), async (given, lengths) => {
        const { windows, results } = await pack([lengths], optionsOf(given), { ends, copies: 3 });
        const seen = new Map<number, number>();
        for (const { segments } of windows)
          for (const { document, length } of segments) seen.set(document, (seen.get(document) ?? 0) + length);
        const rows = documentRows(results[0]!.documents);
        for (let document = 0; document < lengths.length; document++) {
          const { copies, tokens } = rows[document]!;
          const once = (seen.get(document) ?? 0) / Math.max(1, copies);
          const [least, most] = allowedLoss(tokens, 'a', {
            ...given,
            separatorOf: () => (given.separator === null ? 0 : 1),
          });
          const lack = tokens + (copies > 0 && given.separator !== null ? 1 : 0) - once;
          expect(lack).toBeGreaterThanOrEqual(least);
          expect(lack).toBeLessThanOrEqual(most);
          if (copies > 0) expect(copies).toBe(1 + (document % 3));
        }
      }),
      { numRuns: 100, seed: 6 },
    );
  });

  test('concat keeps the order of documents and leaves no window but the tails’ unfilled', async () => {
    await fc.assert(
      fc.asyncProperty(lengthsOf(130), async (lengths) => {
        const options = {
          ...optionsOf({ windowLength: 16, method: 'concat', longDocuments: 'split', minSegment: 0, separator: null }),
          validation: 0,
        };
        const { windows } = await pack([lengths], options, { ends });
        expect(windows.slice(0, -1).every(({ numTokens }) => numTokens === 16)).toBe(true);
        const ids = windows.flatMap(({ inputIds, numTokens }) => [...inputIds.subarray(0, numTokens)]);
        expect(ids).toEqual(lengths.flatMap((length, record) => [...runOf(record, length).ids.subarray(0, length)]));
      }),
      { numRuns: 100, seed: 3 },
    );
  });
});

describe('packLengths', () => {
  test('fills windows as each method’s definition does', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...METHODS),
        fc.array(fc.integer({ min: 1, max: 500 }), { maxLength: 120 }),
        (method, lengths) => {
          const rules = { windowLength: 500, method, longDocuments: 'split', minSegment: 0, separator: false } as const;
          const packed = packLengths(lengths, rules);
          expect(packed.tokens.packed).toBe(lengths.reduce((a, b) => a + b, 0));
          expect([...packed.pieces].sort((a, b) => a - b)).toEqual(
            packed.lengths.length ? [...packed.lengths.keys()] : [],
          );
          if (method === 'concat') expect(packed.windows).toBe(Math.ceil(packed.tokens.packed / 500));
          else if (method === 'balanced-fit') expect(packed.windows).toBe(naive(lengths, 500, 'best-fit').length);
          else expect([...packed.fills].sort((a, b) => a - b)).toEqual(naive(lengths, 500, method));
        },
      ),
      { numRuns: 300, seed: 4 },
    );
  });

  test('says beforehand what the stage does, where no text moves a cut', async () => {
    await fc.assert(
      fc.asyncProperty(settings, lengthsOf(130), async (given, lengths) => {
        const options = { ...optionsOf(given), validation: 0 };
        const packed = packLengths(lengths, { ...given, separator: given.separator !== null });
        const { windows, results } = await pack([lengths], options, { roundTokens: 1e9 });
        const fills = windows.map(({ numTokens }) => numTokens);
        const total = (counts: readonly { tokens: number; documents: number }[]) =>
          counts.reduce((sum, { tokens, documents }) => [sum[0]! + tokens, sum[1]! + documents], [0, 0]);
        expect(total(Object.values(packed.dropped))).toEqual(total(results[0]!.dropped));
        expect(packed.tokens.packed).toBe(fills.reduce((a, b) => a + b, 0));
        // What is left to the tail is packed anew.
        if (given.method === 'best-fit' || given.method === 'first-fit-decreasing')
          expect(fills.toSorted((a, b) => a - b)).toEqual([...packed.fills].sort((a, b) => a - b));
        else expect(fills.length).toBeLessThanOrEqual(packed.windows);
      }),
      { numRuns: 200, seed: 5 },
    );
  });

  test('balanced-fit makes windows far less unequal in attention cost, where there are short documents to do it with', () => {
    let state = 1;
    const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
    const normal = () => Array.from({ length: 12 }, random).reduce((a, b) => a + b, -6);
    const lengths = Int32Array.from({ length: 20_000 }, () => Math.max(1, Math.round(400 * Math.exp(1.3 * normal()))));
    const costs = (method: Method) => {
      const rules = { windowLength: 131_072, method, longDocuments: 'split', minSegment: 0, separator: false } as const;
      const { windows, starts, pieces } = packLengths(lengths, rules);
      return Float64Array.from({ length: windows }, (_, w) =>
        pieces.subarray(starts[w], starts[w + 1]).reduce((sum, i) => sum + lengths[i]! ** 2, 0),
      );
    };
    const spreadOf = (values: Float64Array) => {
      const mean = values.reduce((a, b) => a + b, 0) / values.length;
      return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length) / mean;
    };
    const [plain, balanced] = [costs('best-fit'), costs('balanced-fit')];
    expect(balanced.length).toBe(plain.length);
    expect(spreadOf(balanced)).toBeLessThan(spreadOf(plain) * 0.7);
  });
});
