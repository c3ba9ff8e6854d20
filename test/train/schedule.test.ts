import { describe, expect, it } from 'vitest';

import { learningRateAt } from '../../src/train/schedule.ts';

describe('learningRateAt', () => {
  const schedule = { peak: 1, warmup: 4, shape: 'cosine', floor: 0.1 } as const;
  it('rises, then falls along a cosine to the floor', () => {
    expect([0, 1, 3].map((step) => learningRateAt(schedule, step, 0))).toEqual([0.25, 0.5, 1]);
    expect(learningRateAt(schedule, 50, 0.5)).toBeCloseTo(0.55, 12);
    expect(learningRateAt(schedule, 100, 1)).toBeCloseTo(0.1, 12);
  });
  it('stays at the peak when constant', () =>
    expect(learningRateAt({ ...schedule, shape: 'constant' }, 100, 0.9)).toBe(1));
});
