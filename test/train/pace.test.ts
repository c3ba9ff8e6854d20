import { expect, it } from 'vitest';

import { paceOf } from '../../src/train/pace.ts';

it('forgets the slow first step', () => {
  const pace = paceOf();
  expect(pace(100, 10_000, 0.1).tokensPerSecond).toBe(10);
  expect(pace(200, 1000, 0.2)).toEqual({ tokensPerSecond: 100, secondsLeft: 8 });
  const third = pace(300, 1000, 0.3);
  expect(third.tokensPerSecond).toBe(100);
  expect(third.secondsLeft).toBeCloseTo(7, 9);
});
