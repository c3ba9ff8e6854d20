/** What `prep verify --deep` keeps of a document until the tails are looked at: a hash of each part is enough to find any other token. */
import { expect, test } from 'vitest';
import type { Segment } from '../../src/core/window.ts';
import { forTails, remade, segmentProblems } from '../../src/run/remade.ts';

const ids = Int32Array.from({ length: 40 }, (_, i) => i + 100);
const textsOf = (parts: number) => new Map([[3, new Map([[5, remade(ids, 13, parts, 1)]])]]);
/** Parts 0 [0, 10), 1, 2 and 3 [10, 25), 4 [25, 40) and its separator, of which some were seen; one number a document. */
const left = (parts: number, places: readonly number[], dropped = 0) => {
  const rows = { numbers: Int32Array.of(5), parts: Int32Array.of(parts), dropped: Int32Array.of(dropped) };
  return [{ split: 3, rows, cut: new Map([[5, places]]) }] as unknown as Parameters<typeof forTails>[0];
};
const segment = (part: number, documentOffset: number, length: number, promptTokens: number): Segment => ({
  start: 2,
  length,
  split: 3,
  document: 5,
  source: 'a',
  documentOffset,
  part,
  group: 0,
  promptTokens,
});
const problems = (kept: ReturnType<typeof forTails>, of: Segment, changed = -1): string[] => {
  const inputIds = new Int32Array(64);
  inputIds.set(ids.subarray(of.documentOffset, of.documentOffset + of.length), 2);
  if (changed >= 0) inputIds[2 + changed]!++;
  return [...segmentProblems(of, inputIds, kept)];
};
const kindOf = (kept: ReturnType<typeof forTails>) =>
  kept
    .get(3)!
    .get(5)!
    .known.map(({ from, length, ids: of }) => [from, length, typeof of === 'string' ? of.length : 'ids']);

test('a document in one part', () => {
  const kept = forTails(left(1, []), textsOf(1));
  expect(kindOf(kept)).toEqual([[0, 40, 32]]);
  expect(problems(kept, segment(0, 0, 41, 13))).toEqual([]);
  for (let i = 0; i < 40; i++) expect(problems(kept, segment(0, 0, 41, 13), i)).toHaveLength(1);
  // The separator is not of the document.
  expect(problems(kept, segment(0, 0, 41, 13), 40)).toEqual([]);
  expect(problems(kept, segment(0, 0, 41, 12))).toEqual([
    'the segment at token 2 has 12 prompt tokens, its source (document 5 of split 3) has 13',
  ]);
});

test('one part that is missing has its neighbours for bounds; of several nobody knows where one ends', () => {
  const one = forTails(left(3, [0, 0, 10, 2, 25, 16]), textsOf(3));
  expect(kindOf(one)).toEqual([
    [0, 10, 32],
    [10, 15, 32],
    [25, 15, 32],
  ]);
  expect(problems(one, segment(1, 10, 15, 3))).toEqual([]);
  expect(problems(one, segment(1, 10, 15, 3), 14)).toHaveLength(1);
  const several = forTails(left(4, [0, 0, 10, 3, 25, 16]), textsOf(4));
  expect(kindOf(several)).toEqual([
    [0, 10, 32],
    [10, 15, 'ids'],
    [25, 15, 32],
  ]);
  expect(problems(several, segment(2, 17, 8, 0))).toEqual([]);
  expect(problems(several, segment(2, 17, 8, 0), 7)).toEqual([
    'token 9 is 125, its source (document 5 of split 3) has 124',
  ]);
});

test('of a document that lost its end nobody knows where the last part ends, unless a copy of it was seen', () => {
  // Part 0 [0, 10), part 1 [10, 36) and its separator; four tokens were too few for a part of their own.
  const kept = forTails(left(2, [0, 0, 10], 1), textsOf(2));
  expect(kindOf(kept)).toEqual([
    [0, 10, 32],
    [10, 30, 'ids'],
  ]);
  expect(problems(kept, segment(1, 10, 27, 3))).toEqual([]);
  for (let i = 0; i < 26; i++) expect(problems(kept, segment(1, 10, 27, 3), i)).toHaveLength(1);
  const seen = forTails(left(2, [0, 0, 10, 1, 10, 27], 1), textsOf(2));
  expect(kindOf(seen)[1]).toEqual([10, 26, 32]);
  expect(problems(seen, segment(1, 10, 27, 3))).toEqual([]);
});
