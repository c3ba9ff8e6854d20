import { expect, test } from 'vitest';
import { countHighest, passDeltas, passDeltaTexts, passRuns } from '../../src/read/parquet-runs.ts';

const at = (bytes: readonly number[]) => ({ view: new DataView(Uint8Array.from(bytes).buffer), offset: 0 });

test('runs that fit are passed, up to their end', () => {
  // Five times 3 in two bits, then eight values bit by bit.
  const runs = at([10, 3, 3, 0xe4, 0xe4, 99]);
  passRuns(runs, 2, 13, 5);
  expect(runs.offset).toBe(5);
  // 0 1 1 0 0 0 0 0, of which six are wanted: the last group of eight may end in nothing.
  expect(countHighest(at([3, 0b110]), 1, 6, 2)).toBe(2);
});

test('a run longer than its page, one of no bits without end, and runs that end early are refused', () => {
  expect(() => passRuns(at([10, 1]), 1, 4, 2)).toThrow('a run of 5 values');
  expect(() => passRuns(at([0xfe, 0xff, 0xff, 0xff, 0x0f, 1]), 1, 4, 6)).toThrow('a run of 2147483647 values');
  expect(() => passRuns(at([0xff, 0xff, 0xff, 0xff, 0x0f, 1]), 0, 4, 6)).toThrow('a run of 17179869176 values');
  expect(() => passRuns(at([4, 1]), 1, 4, 2)).toThrow('2 of 4 values');
  expect(() => passRuns(at([0, 1, 0, 1]), 1, 4, 4)).toThrow('0 of 4 values');
  expect(() => passRuns(at(Array<number>(12).fill(0x80)), 1, 4, 12)).toThrow('ten bytes');
});

test('blocks of deltas that end before they begin are refused', () => {
  // 128 values a block in 4 parts, 3 in all, the first 7; then the least delta 2 and parts of no bits.
  const deltas = at([0x80, 1, 4, 3, 14, 4, 0, 0, 0, 0]);
  passDeltas(deltas, 3);
  expect(deltas.offset).toBe(10);
  expect(() => passDeltas(at([0x80, 1, 0, 3, 14, 4, 0, 0, 0, 0]), 3)).toThrow('0 parts');
  expect(() => passDeltas(at([0, 4, 3, 14, 4, 0, 0, 0, 0]), 3)).toThrow('0 values');
  expect(() => passDeltas(at([0x80, 1, 4, 3, 14, 4]), 3)).toThrow(RangeError);
});

test('a text cannot begin with more of the one before than there is of it', () => {
  const [none, lengths] = [
    [0x80, 1, 4, 2],
    [0x80, 1, 4, 2],
  ];
  // Prefixes 0 and p, suffixes 3 and 1.
  const texts = (p: number) => at([...none, 0, 2 * p, 0, 0, 0, 0, ...lengths, 6, 3, 0, 0, 0, 0]);
  expect(() => passDeltaTexts(texts(3), 2, 100)).not.toThrow();
  expect(() => passDeltaTexts(texts(4), 2, 100)).toThrow('a text of 4 and 1 bytes');
  expect(() => passDeltaTexts(texts(3), 2, 6)).toThrow('texts of 7 bytes');
});
