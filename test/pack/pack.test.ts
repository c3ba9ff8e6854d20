import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Batch } from '../../src/core/batch.ts';
import type { TokenRun } from '../../src/core/document.ts';
import type { Window } from '../../src/core/window.ts';
import { type PackOptions, type PackResult, packLengths, packStage, packTails } from '../../src/pack/index.ts';
import { documentRows } from '../support/document-rows.ts';
import { documentOf } from '../support/documents.ts';

const windowsOf = (lengths: readonly number[], windowLength: number): number[][] => {
  const rules = { windowLength, method: 'best-fit', longDocuments: 'split', minSegment: 0, separator: false } as const;
  const { windows, starts, pieces } = packLengths(lengths, rules);
  return Array.from({ length: windows }, (_, w) => [...pieces.subarray(starts[w], starts[w + 1])]);
};

/** Best-fit decreasing by its definition, looking at every window each time. */
function naive(lengths: readonly number[], windowLength: number): number[] {
  const windows: number[] = [];
  for (const length of lengths.toSorted((a, b) => b - a)) {
    let best = -1;
    windows.forEach((fill, w) => {
      if (fill + length <= windowLength && (best < 0 || fill > windows[best]!)) best = w;
    });
    if (best < 0) windows.push(length);
    else windows[best]! += length;
  }
  return windows.sort((a, b) => a - b);
}

describe('best-fit decreasing', () => {
  test('fills windows as the definition does', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 2000 }), { maxLength: 200 }), (lengths) => {
        const windows = windowsOf(lengths, 2000);
        const fills = windows.map((pieces) => pieces.reduce((sum, i) => sum + lengths[i]!, 0));
        expect(fills.toSorted((a, b) => a - b)).toEqual(naive(lengths, 2000));
        expect(windows.flat().sort((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
      }),
      { numRuns: 200, seed: 1 },
    );
  });
  test('spelled out: 6 5 5 4 in windows of 10 leaves no room', () => {
    expect(windowsOf([5, 4, 6, 5], 10)).toEqual([
      [1, 2],
      [0, 3],
    ]);
  });
});

const options: PackOptions = {
  windowLength: 10,
  method: 'best-fit',
  longDocuments: 'split',
  minSegment: 0,
  separator: null,
  pad: -1,
  validation: 0,
  seed: 0,
  sources: {},
};
const run = (ids: readonly number[], text = String(ids)): TokenRun => ({
  ids: Int32Array.from(ids),
  document: documentOf(text),
});

const rowsOf = ({ documents }: PackResult) => documentRows(documents);

async function pack(documents: readonly (readonly number[] | TokenRun)[], changed: Partial<PackOptions> = {}) {
  const stage = packStage({ ...options, ...changed }, 3, ['books']);
  const input = (async function* (): AsyncGenerator<Batch<TokenRun>> {
    yield {
      items: documents.map((one) => ('ids' in one ? one : run(one))),
      cursor: { bytes: 0, records: documents.length },
    };
  })();
  const windows: Window[] = [];
  const context = { progress: () => {}, reject: () => {} };
  for await (const { items } of stage.run(input, context)) windows.push(...items);
  for await (const window of packTails([stage.result.tail], { ...options, ...changed })) windows.push(window);
  return { windows, result: stage.result };
}

describe('packing', () => {
  test('spelled out: three documents become one window and its boundaries', async () => {
    const { windows } = await pack([
      [1, 2, 3],
      [4, 5, 6, 7],
      [8, 9],
    ]);
    expect(windows).toHaveLength(1);
    expect([...windows[0]!.inputIds]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, -1]);
    expect(windows[0]!.numTokens).toBe(9);
    expect(windows[0]!.segments).toMatchObject([
      { start: 0, length: 3, split: 3, document: 0, source: 'books', documentOffset: 0, part: 0, group: 0 },
      { start: 3, length: 4, document: 1, group: 1 },
      { start: 7, length: 2, document: 2, group: 2 },
    ]);
  });

  test('a document longer than the window is cut into consecutive parts', async () => {
    const { windows, result } = await pack([Array.from({ length: 23 }, (_, i) => i)]);
    expect(windows.map((w) => [...w.inputIds.subarray(0, w.numTokens)])).toEqual([
      [0, 1, 2, 3, 4, 5, 6, 7, 8, 9],
      [10, 11, 12, 13, 14, 15, 16, 17, 18, 19],
      [20, 21, 22],
    ]);
    expect(windows.map((w) => [w.segments[0]!.part, w.segments[0]!.documentOffset])).toEqual([
      [0, 0],
      [1, 10],
      [2, 20],
    ]);
    expect(rowsOf(result)[0]).toMatchObject({ tokens: 23, parts: 3 });
  });

  test('a document that fits is never cut', async () => {
    const documents = [9, 8, 7, 6, 5, 4, 3, 2, 1, 10].map((n) => Array.from({ length: n }, () => n));
    const { windows } = await pack(documents);
    const segments = windows.flatMap((w) => w.segments);
    expect(segments).toHaveLength(documents.length);
    for (const { document, length } of segments) expect(length).toBe(documents[document]!.length);
  });

  test('truncate and drop say what is lost', async () => {
    const long = Array.from({ length: 23 }, (_, i) => i);
    const truncated = await pack([long], { longDocuments: 'truncate' });
    expect(truncated.windows[0]!.numTokens).toBe(10);
    expect(truncated.result.dropped).toEqual([{ source: 'books', reason: 'truncated', tokens: 13, documents: 0 }]);
    const dropped = await pack([long, [1]], { longDocuments: 'drop' });
    expect(dropped.windows.map((w) => w.numTokens)).toEqual([1]);
    expect(dropped.result.dropped).toEqual([
      { source: 'books', reason: 'longer-than-window', tokens: 23, documents: 1 },
    ]);
    expect(rowsOf(dropped.result).map((d) => d.parts)).toEqual([0, 1]);
  });

  test('a separator belongs to the segment before it', async () => {
    const { windows } = await pack([[1, 2], [3]], { separator: 99 });
    expect([...windows[0]!.inputIds]).toEqual([1, 2, 99, 3, 99, -1, -1, -1, -1, -1]);
    expect(windows[0]!.segments.map((s) => s.length)).toEqual([3, 2]);
    const full = await pack([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]], { separator: 99 });
    expect(full.windows.map((w) => w.segments[0]!.length)).toEqual([10, 1]);
    const truncated = await pack([[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]], { separator: 99, longDocuments: 'truncate' });
    expect([...truncated.windows[0]!.inputIds]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 99]);
  });

  test('held-out documents share no window with training ones, and copies fall on the same side', async () => {
    const documents = Array.from({ length: 300 }, (_, i) => [i % 100, 7]);
    const { windows, result } = await pack(documents, { validation: 0.3 });
    const held = rowsOf(result).map((d) => d.subset);
    for (let i = 0; i < 100; i++) expect([held[i + 100], held[i + 200]]).toEqual([held[i], held[i]]);
    expect(held.filter((s) => s === 'validation').length).toBeGreaterThan(30);
    for (const { subset, segments } of windows)
      for (const { document } of segments) expect(held[document]).toBe(subset);
  });

  test('no token is lost or doubled, whatever the documents', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 35 }), { minLength: 1, maxLength: 60 }), async (lengths) => {
        let next = 0;
        const documents = lengths.map((n) => Array.from({ length: n }, () => next++));
        const { windows } = await pack(documents);
        const seen = windows.flatMap((w) => Array.from(w.inputIds.subarray(0, w.numTokens)));
        expect(seen.sort((a, b) => a - b)).toEqual(Array.from({ length: next }, (_, i) => i));
      }),
      { numRuns: 100, seed: 1 },
    );
  });
});

test('of a prompt that is cut each part has its own tokens, and copies have the same', async () => {
  const ids = Array.from({ length: 25 }, (_, i) => i);
  for (const separator of [null, 99]) {
    const { windows } = await pack([{ ...run(ids), promptTokens: 12, verdict: { copies: 2, dropped: '' } }], {
      separator,
    });
    const parts = windows.flatMap(({ segments }) => segments.map(({ part, promptTokens }) => [part, promptTokens]));
    expect(parts.sort((a, b) => a[0]! - b[0]!)).toEqual([
      [0, 10],
      [0, 10],
      [1, 2],
      [1, 2],
      [2, 0],
      [2, 0],
    ]);
  }
  const { windows } = await pack([{ ...run([1, 2, 3]), promptTokens: 3 }], { separator: 99 });
  expect(windows[0]!.segments[0]).toMatchObject({ length: 4, promptTokens: 3 });
});
