import { describe, expect, test } from 'vitest';
import { arcsine, exponential, logarithm, power, sine, wholePower } from '../../src/core/elementary.ts';

/** 26 digits each, by Python's decimal (exp, ln) and its Taylor series there (sin), of the double that is written. */
const EXP = [
  [0, '1.0000000000000000000000000e+0'],
  [1, '2.7182818284590452353602875e+0'],
  [-1, '3.6787944117144232159552377e-1'],
  [0.5, '1.6487212707001281468486508e+0'],
  [0.0001, '1.0001000050001666708382093e+0'],
  [-20, '2.0611536224385578279659404e-9'],
  [20, '4.8516519540979027796910683e+8'],
  [-0.34657359027997264, '7.0710678118654753259991300e-1'],
  [700, '1.0142320547350045094553296e+304'],
  [-700, '9.8596765437597708567053729e-305'],
  [-9.210340371976182, '1.0000000000000009080543500e-4'],
] as const;
const LOG = [
  [2, '6.9314718055994530941723212e-1'],
  [0.5, '-6.9314718055994530941723212e-1'],
  [10, '2.3025850929940456840179915e+0'],
  [0.0001, '-9.2103403719761826881502298e+0'],
  [20, '2.9957322735539909934352236e+0'],
  [200000, '1.2206072645530173729507189e+1'],
  [0.7071067811865475, '-3.4657359027997274335977535e-1'],
  [Math.SQRT2, '3.4657359027997272306670264e-1'],
  [1.0000001, '9.9999995058387045177516100e-8'],
  [0.9999999, '-1.0000000494736474329016263e-7'],
  [1e300, '6.9077552789821370525790220e+2'],
  [1e-300, '-6.9077552789821370518033834e+2'],
] as const;
const SIN = [
  [0.1, '9.9833416646828157830196868e-2'],
  [0.25, '2.4740395925452292959684870e-1'],
  [0.5, '4.7942553860420300027328794e-1'],
  [0.6, '5.6464247339503533887481339e-1'],
  [0.75, '6.8163876002333416673324195e-1'],
  [0.7853981633974483, '7.0710678118654750275194296e-1'],
  [1e-9, '1.0000000000000000621149248e-9'],
  [0.001, '9.9999983333334168748313956e-4'],
] as const;

/** Distance in units of the last place of `b`. */
function ulps(a: number, b: number): number {
  const view = new DataView(new ArrayBuffer(16));
  view.setFloat64(0, Math.abs(b));
  view.setBigInt64(8, view.getBigInt64(0) + 1n);
  return Math.abs(a - b) / (view.getFloat64(8) - Math.abs(b));
}
const range = (count: number, from: number, to: number) =>
  Array.from({ length: count }, (_, i) => from + ((i + 0.5) / count) * (to - from));

describe.each([
  ['exponential', exponential, EXP],
  ['logarithm', logarithm, LOG],
  ['sine', sine, SIN],
] as const)('%s', (_, of, known) => {
  test('is within a unit in the last place of the true value', () => {
    for (const [x, digits] of known) expect(ulps(of(x), Number(digits)), `of ${x}`).toBeLessThanOrEqual(1);
  });
});

test('they agree with the platform’s own everywhere, which is right to about a unit too', () => {
  for (const x of range(20_000, -700, 700)) expect(ulps(exponential(x), Math.exp(x))).toBeLessThanOrEqual(2);
  for (const x of range(20_000, -1, 1)) expect(ulps(exponential(x), Math.exp(x))).toBeLessThanOrEqual(2);
  for (const x of range(20_000, 0.01, 30)) expect(ulps(logarithm(x), Math.log(x))).toBeLessThanOrEqual(2);
  for (const x of range(20_000, 0, Math.PI / 4)) expect(ulps(sine(x), Math.sin(x))).toBeLessThanOrEqual(2);
});

test('arcsine undoes sine', () => {
  for (const x of range(2000, 0, Math.PI / 4)) expect(Math.abs(arcsine(sine(x)) - x)).toBeLessThan(3e-16);
});

test('powers: whole ones by squaring, roots, and all others', () => {
  expect(wholePower(0.5, 10)).toBe(0.5 ** 10);
  expect(wholePower(3, 0)).toBe(1);
  expect(power(7, 2)).toBe(49);
  expect(power(49, 0.5)).toBe(7);
  expect(power(16, -0.5)).toBe(0.25);
  for (const x of range(500, 0.01, 1)) expect(ulps(power(x, 0.3), x ** 0.3)).toBeLessThanOrEqual(4);
});

test('what has no value is refused, and no wrong one given', () => {
  for (const x of [709, -709, NaN, Infinity]) expect(() => exponential(x)).toThrow(RangeError);
  for (const x of [0, -1, NaN, Infinity, 1e-320]) expect(() => logarithm(x)).toThrow(RangeError);
});
