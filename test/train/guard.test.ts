import { describe, expect, it } from 'vitest';

import { type Guard, isGuard, newGuard, watch } from '../../src/train/guard.ts';

const step = { step: 40, windows: Int32Array.of(7, 3), saved: true, gradientNorm: 1, crossEntropy: 2 };
/** After `steps` steps of norm 1. */
function after(steps: number): Guard {
  const guard = newGuard();
  for (let i = 0; i < steps; i++) watch(guard, step, 10, 100);
  return guard;
}
/** Norms one after the other; the code of what they end with. */
function codes(guard: Guard, seen: readonly Partial<typeof step>[], factor = 10): (string | null)[] {
  return seen.map((some) => {
    try {
      watch(guard, { ...step, ...some }, factor, 100);
      return null;
    } catch (error) {
      return (error as { code: string }).code;
    }
  });
}

describe('watch', () => {
  const high = { gradientNorm: 11 };
  it('stops at the third norm in a row above the factor, and says where', () => {
    expect(codes(after(20), [high, high, {}, high, high, high])).toEqual([
      null,
      null,
      null,
      null,
      null,
      'LOSS_EXPLODED',
    ]);
    const guard = after(20);
    codes(guard, [high, high]);
    expect(() => watch(guard, { ...step, ...high }, 10, 100)).toThrow(
      expect.objectContaining({
        message: expect.stringMatching(
          /gradient norm is 11.00 at step 40 \(windows 7, 3\).*limit of 10.00.*is kept/,
        ) as string,
        details: { step: 40, windows: ['7', '3'], what: 'gradient norm', value: '11', saved: true, limit: 10 },
      }) as Error,
    );
  });
  it('does not judge a norm by less than 20 steps, nor lets spikes into the mean', () => {
    expect(codes(after(19), [high, high, high, high])).toEqual([null, null, null, null]);
    const guard = after(20);
    codes(guard, [high, high]);
    expect(guard).toEqual({ norm: 1, steps: 20, streak: 2 });
  });
  it('follows norms that grow slowly', () => {
    const rising = Array.from({ length: 200 }, (_, i) => ({ gradientNorm: 1.1 ** i }));
    expect(codes(after(20), rising).filter((code) => code !== null)).toEqual([]);
  });
  it('stops at the third loss in a row of twice a guess, from the first step on', () => {
    const lost = { crossEntropy: 2.01 * Math.log(100) };
    expect(codes(newGuard(), [{ crossEntropy: 1.99 * Math.log(100) }, lost, lost, lost])).toEqual([
      null,
      null,
      null,
      'LOSS_EXPLODED',
    ]);
  });
  it('lets all pass with a factor of 0', () => {
    const wild = { gradientNorm: 1e9, crossEntropy: 1e9 };
    expect(codes(after(20), [wild, wild, wild, wild], 0)).toEqual([null, null, null, null]);
  });
});

describe('isGuard', () => {
  it('is for numbers of 0 and more', () => {
    expect(isGuard(JSON.parse(JSON.stringify(after(5))))).toBe(true);
    for (const bad of [null, 1, {}, { ...newGuard(), norm: -1 }, { ...newGuard(), streak: '1' }])
      expect(isGuard(bad)).toBe(false);
  });
});
