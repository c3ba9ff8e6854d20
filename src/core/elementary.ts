/**
 * exp, log and sine by additions, multiplications, divisions and square roots alone, in one fixed order. IEEE 754 fixes those to
 * the last bit; `Math.exp`, `Math.log` and `Math.cos` it leaves to the platform, and versions of V8 have differed in them. Each
 * is within 2 units in the last place of the true value (test/core/elementary.test.ts), 2^28 times finer than p is stored.
 */

/** ln 2 in two parts: the first has 32 bits, so that its product with an exponent is exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
/** Above it exp is infinite, below the negative of it no normal number. */
const MAX_EXPONENT = 708;

const TAYLOR_TERMS = 14;
/** 1/0!, 1/1!, ... */
const RECIPROCAL_FACTORIALS = reciprocalFactorials(20);

function reciprocalFactorials(count: number): Float64Array {
  const values = new Float64Array(count);
  let factorial = 1;
  for (let n = 0; n < count; n++) {
    if (n > 1) factorial *= n;
    values[n] = 1 / factorial;
  }
  return values;
}

const word = new DataView(new ArrayBuffer(8));

/** x * 2^k, exact, for a result that is a normal number. */
function timesPowerOfTwo(x: number, k: number): number {
  word.setUint32(0, (k + 1023) << 20);
  word.setUint32(4, 0);
  return x * word.getFloat64(0);
}

/** e^x for |x| <= 708: x = k ln 2 + r with |r| <= 0.35, the Taylor series of e^r to r^13, times 2^k. */
export function exponential(x: number): number {
  if (!(x >= -MAX_EXPONENT && x <= MAX_EXPONENT)) throw new RangeError(`no exponential of ${x} here`);
  const k = Math.floor(x * Math.LOG2E + 0.5);
  const r = x - k * LN2_HIGH - k * LN2_LOW;
  let sum = 0;
  // The first two terms are added last and as they are: what they are rounded to is what the result is.
  for (let n = TAYLOR_TERMS - 1; n >= 2; n--) sum = sum * r + RECIPROCAL_FACTORIALS[n]!;
  return timesPowerOfTwo(1 + (r + r * r * sum), k);
}

/** ln x of a normal number above 0: x = m 2^k with m from sqrt(1/2) to sqrt(2), ln m = 2 artanh((m - 1) / (m + 1)). */
export function logarithm(x: number): number {
  word.setFloat64(0, x);
  const high = word.getUint32(0);
  let k = (high >>> 20) - 1023;
  if (!(x > 0) || k === -1023 || k > 1023) throw new RangeError(`no logarithm of ${x} here`);
  word.setUint32(0, (high & 0xfffff) | 0x3ff00000);
  let m = word.getFloat64(0);
  if (m > Math.SQRT2) {
    m *= 0.5;
    k += 1;
  }
  const f = m - 1;
  const s = f / (2 + f);
  const square = s * s;
  let sum = 0;
  for (let n = 23; n >= 3; n -= 2) sum = sum * square + 1 / n;
  // 2 s = f - s f is exact in its first part.
  return k * LN2_HIGH + (f - (s * (f - 2 * square * sum) - k * LN2_LOW));
}

/** sin x for 0 <= x <= pi/4: the Taylor series to x^17. */
export function sine(x: number): number {
  const square = x * x;
  let sum = 0;
  for (let n = 17; n >= 3; n -= 2) sum = sum * square + (n % 4 === 1 ? 1 : -1) * RECIPROCAL_FACTORIALS[n]!;
  return x + x * square * sum;
}

/** The x in [0, pi/4] whose sine is `value`, by five steps of Newton's from a start that is 1 % off at most. */
export function arcsine(value: number): number {
  let x = value * (1 + (value * value) / 6);
  for (let step = 0; step < 5; step++) {
    const s = sine(x);
    x -= (s - value) / Math.sqrt(1 - s * s);
  }
  return x;
}

/** base^n for a whole n >= 0, by squaring. */
export function wholePower(base: number, n: number): number {
  let result = 1;
  let square = base;
  for (let left = n; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) result *= square;
    square *= square;
  }
  return result;
}

/** base^exponent for a base above 0. The exponents in use, 2, 1 and 1/2, take no logarithm. */
export function power(base: number, exponent: number): number {
  if (exponent === 0.5) return Math.sqrt(base);
  if (exponent === -0.5) return 1 / Math.sqrt(base);
  if (Number.isInteger(exponent) && exponent >= 0 && exponent <= 64) return wholePower(base, exponent);
  return exponential(exponent * logarithm(base));
}
