import { describe, expect, it } from 'vitest';

import { breakdownOf, bucketOf, emptyTally, isTally, meanOf, tallyUp } from '../../../src/train/record/breakdown.ts';

describe('bucketOf', () => {
  it('doubles from 16 on', () => {
    const firsts = [0, 15, 16, 31, 32, 63, 64, 131071, 131072].map(bucketOf);
    expect(firsts).toEqual([0, 0, 1, 1, 2, 2, 3, 13, 14]);
  });
});

describe('a tally', () => {
  const tally = emptyTally(64);
  // Five masked tokens of a slab of two windows.
  const slab = {
    positions: Int32Array.of(0, 1, 2, 20, 40, 0, 1),
    masked: Int32Array.of(1, 3, 4, 5, 6),
    weights: Float32Array.of(2, 2, 2, 1, 1),
    p: Float32Array.of(0.5, 0.5, 0.5, 1, 0.95),
  };
  const crossEntropies = Float32Array.of(1, 2, 4, 8, 16);

  it('has the mean of each bin, by p and by position, and null where nothing fell', () => {
    tallyUp(tally, { slab, crossEntropies });
    const { byP, byPosition } = breakdownOf(tally);
    const none = [null, null, null, null, null];
    expect(byP).toEqual({
      from: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
      tokens: [0, 0, 0, 0, 0, 3, 0, 0, 0, 2],
      loss: [...none, 7 / 3, null, null, null, 12],
      weighted: [...none, 14 / 3, null, null, null, 12],
    });
    expect(byPosition).toEqual({
      from: [0, 16, 32],
      tokens: [3, 1, 1],
      loss: [25 / 3, 2, 4],
      weighted: [26 / 3, 4, 8],
    });
    expect(meanOf(tally)).toBe(31 / 5);
  });
  it('comes back from JSON, and goes on', () => {
    const again: unknown = JSON.parse(JSON.stringify(tally));
    expect(isTally(again, 64)).toBe(true);
    expect(again).toEqual(tally);
  });
  it('is none for windows of another number of buckets, nor with holes', () => {
    expect(isTally(tally, 65)).toBe(false);
    expect(isTally(null, 64)).toBe(false);
    expect(isTally({ ...tally, byP: { ...tally.byP, tokens: [1, 2] } }, 64)).toBe(false);
  });
  it('has no mean of nothing', () => expect(meanOf(emptyTally(64))).toBeNull());
});
