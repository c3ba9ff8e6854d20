import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Piece, Window } from '../../src/core/window.ts';
import { bundle } from '../../src/pack/bundles.ts';
import { METHODS } from '../../src/pack/index.ts';
import { packTails } from '../../src/pack/stage.ts';

const WINDOW = 40;
const options = (method: (typeof METHODS)[number]) => ({ windowLength: WINDOW, pad: -1, method, sources: {} });

const piece = (document: number, length: number, key: bigint): Piece => ({
  ids: Int32Array.from({ length }, (_, i) => document * 1000 + i),
  subset: 'train',
  split: 0,
  document,
  source: 'a',
  documentOffset: 0,
  part: 0,
  promptTokens: 0,
  copy: 0,
  key,
});

async function packed(
  pieces: readonly (readonly [length: number, key: number])[],
  method: (typeof METHODS)[number] = 'best-fit',
): Promise<Window[]> {
  const windows: Window[] = [];
  const all = pieces.map(([length, key], i) => piece(i, length, BigInt(key)));
  for await (const window of packTails([all], options(method))) windows.push(window);
  return windows;
}

const shown = (windows: readonly Window[]) =>
  windows.map(({ segments }) => segments.map(({ document, group }) => `${document}:${group}`).join(' '));

test('spelled out: a group that fits goes in whole, side by side, in the order of its first document', async () => {
  // By length alone 0, 1 and 2 would fill a window; but 0 and 3 are of one group, and 1 and 4 of another.
  const windows = await packed([
    [15, 7],
    [15, 8],
    [10, 0],
    [15, 7],
    [15, 8],
    [10, 0],
  ]);
  expect(shown(windows)).toEqual(['0:0 3:0 5:1', '1:0 4:0 2:1']);
});

test('spelled out: a group larger than a window is in as few windows as best-fit makes of it', async () => {
  const windows = await packed([
    [20, 7],
    [30, 7],
    [20, 7],
    [10, 7],
    [3, 0],
  ]);
  expect(shown(windows)).toEqual(['0:0 2:0', '1:0 3:0', '4:0']);
});

const documents = fc.array(fc.tuple(fc.integer({ min: 1, max: WINDOW }), fc.integer({ min: 0, max: 6 })), {
  minLength: 1,
  maxLength: 60,
});

test.each(METHODS.filter((method) => method !== 'concat'))(
  '%s: nothing is lost, groups adjoin, those that fit are whole',
  (method) => {
    let [fitting, larger] = [0, 0];
    return fc
      .assert(
        fc.asyncProperty(documents, async (pieces) => {
          const windows = await packed(pieces, method);
          const seen = windows.flatMap(({ segments }) => segments.map(({ document }) => document));
          expect(seen.toSorted((a, b) => a - b)).toEqual(pieces.map((_, i) => i));
          const places = new Map<number, Set<number>>();
          for (const [w, { segments, numTokens }] of windows.entries()) {
            expect(numTokens).toBeLessThanOrEqual(WINDOW);
            const groupOf = new Map<number, number>();
            for (const [i, { document, group }] of segments.entries()) {
              const key = pieces[document]![1];
              const before = i === 0 ? -1 : segments[i - 1]!.group;
              // A key has one group in a window, and a group one key; a document without one is alone.
              expect(group).toBe((key !== 0 ? groupOf.get(key) : undefined) ?? before + 1);
              groupOf.set(key, group);
              if (key !== 0) places.set(key, (places.get(key) ?? new Set()).add(w));
            }
          }
          for (const [key, of] of places) {
            const tokens = pieces.reduce((sum, [length, own]) => sum + (own === key ? length : 0), 0);
            if (tokens <= WINDOW) {
              fitting++;
              expect(of.size).toBe(1);
            } else larger++;
          }
        }),
        { numRuns: 150, seed: 5 },
      )
      .then(() => expect(Math.min(fitting, larger)).toBeGreaterThan(50));
  },
);

test('without keys a bundle is a piece', () => {
  const lengths = Int32Array.of(3, 5, 2);
  const { pieces, starts, lengths: bundled } = bundle(lengths, new BigInt64Array(3), 10);
  expect([...bundled]).toEqual([3, 5, 2]);
  expect([...pieces]).toEqual([0, 1, 2]);
  expect([...starts]).toEqual([0, 1, 2, 3]);
});
