import { expect, test } from 'vitest';
import { extendRope } from '../../../src/train/model/rope-extension.ts';

const LLADA = { theta: 500_000, headWidth: 128, length: 4096 };

// Computed from the formulas of arXiv 2510.10481.
test.each([
  [8192, 3.3998, 3.5308],
  [16384, 13.5991, 12.5408],
  [32768, 54.3964, 44.5429],
  [65536, 217.586, 158.2099],
  [131072, 870.342, 561.938],
])('LLaDA to %i tokens', (target, vanilla, diffusion) => {
  const [ntk, aware] = [extendRope(LLADA, target, 'vanilla-ntk'), extendRope(LLADA, target, 'diffusion-ntk')];
  expect([ntk.criticalDimension, aware.criticalDimension]).toEqual([64, 70]);
  expect(ntk.scale / vanilla).toBeCloseTo(1, 4);
  expect(aware.scale / diffusion).toBeCloseTo(1, 4);
});

test('LongLLaDA’s published factors', () => {
  const factors = [8192, 16384, 24576, 32768].map((target) =>
    Math.ceil(extendRope(LLADA, target, 'vanilla-ntk').scale),
  );
  expect(factors).toEqual([4, 14, 31, 55]);
});

test('the critical dimension can be given', () => {
  const { scale, criticalDimension } = extendRope(LLADA, 131072, 'diffusion-ntk', 73);
  expect(criticalDimension).toBe(73);
  expect(scale).toBeCloseTo((131072 / Math.PI) ** (128 / 73) / 500_000, 6);
});

test.each([
  [4096, undefined, /need no extension/],
  [8192, 0, /from 1 to 128/],
  [8192, 129, /from 1 to 128/],
])('to %i tokens with a critical dimension of %s: refused', (target, critical, message) => {
  expect(() => extendRope(LLADA, target, 'diffusion-ntk', critical)).toThrow(message);
});

test('a base that nothing was seen at is refused, unless the critical dimension is given', () => {
  const model = { theta: 10, headWidth: 32, length: 4096 };
  expect(() => extendRope(model, 8192, 'vanilla-ntk')).toThrow(/give --rope-critical/);
  expect(extendRope(model, 8192, 'vanilla-ntk', 32).scale).toBeGreaterThan(1);
});
