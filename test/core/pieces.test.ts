import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BLOCK_TOKENS } from '../../src/core/blocks.ts';
import { Column } from '../../src/core/column.ts';
import { Pieces } from '../../src/core/pieces.ts';
import type { Piece } from '../../src/core/window.ts';

test('a column is what was put there, whether its numbers differ or not', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -2, max: 2 })), fc.integer({ min: 0, max: 200 }), (some, same) => {
      const all = [...Array.from({ length: same }, () => 7), ...some];
      const column = new Column(Int32Array);
      for (const value of all) column.push(value);
      expect(all.map((_, i) => column.at(i))).toEqual(all);
      expect([...column.values()]).toEqual(all);
      if (column.same !== undefined) expect(new Set(all)).toEqual(new Set([column.same]));
      const keys = new Column(BigInt64Array);
      for (const value of all) keys.push(BigInt(value));
      expect([...keys.values()]).toEqual(all.map(BigInt));
    }),
  );
});

const piece = (i: number, length: number): Piece => ({
  ids: Int32Array.from({ length }, (_, at) => i * 31 + at),
  subset: i % 7 === 3 ? 'validation' : 'train',
  split: 2,
  document: i,
  source: i % 5 === 4 ? 'b' : 'a',
  documentOffset: i % 11 === 10 ? 2 ** 40 : 0,
  part: 0,
  promptTokens: 0,
  copy: i % 3,
  key: i % 13 === 12 ? 5n : 0n,
});

test('pieces come back as they were, also across the ends of blocks, and in memory that was used before', () => {
  const lengths = [1, BLOCK_TOKENS - 3, 5, 2 * BLOCK_TOKENS + 1, 7, BLOCK_TOKENS, 90_000, 90_000, 90_000, 1, 2, 3, 4];
  for (const round of [0, 1]) {
    const pieces = new Pieces();
    const given = lengths.map((length, i) => piece(i + round, length));
    for (const one of given) pieces.push(one);
    expect([...pieces]).toEqual(given);
    expect([...pieces.lengths()]).toEqual(lengths);
    expect(pieces.tokens).toBe(pieces.allIds().length);
    expect(pieces.allIds().subarray(-4)).toEqual(given.at(-1)!.ids);
    expect(pieces.ungrouped).toBe(false);
    pieces.release();
  }
});
