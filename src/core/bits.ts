/** Bits of bytes, the lowest of a byte first: Arrow's order, and numpy's with `bitorder='little'`. */

/** 8 values of 0 or 1 a byte; the last byte's rest is 0. */
export function toBits(values: Uint8Array, bits: Uint8Array): void {
  const whole = values.length >>> 3;
  for (let byte = 0, i = 0; byte < whole; byte++, i += 8)
    bits[byte] =
      values[i]! |
      (values[i + 1]! << 1) |
      (values[i + 2]! << 2) |
      (values[i + 3]! << 3) |
      (values[i + 4]! << 4) |
      (values[i + 5]! << 5) |
      (values[i + 6]! << 6) |
      (values[i + 7]! << 7);
  if (whole === bits.length) return;
  let rest = 0;
  for (let i = whole * 8; i < values.length; i++) rest |= values[i]! << (i & 7);
  bits[whole] = rest;
}

/** The first `length` bits as values of 0 or 1. */
export const fromBits = (bits: Uint8Array, length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (bits[i >> 3]! >> (i & 7)) & 1);

/** How many bits are set. */
export function popcount(bits: Uint8Array): number {
  let count = 0;
  for (const byte of bits) count += ONES[byte]!;
  return count;
}

const ONES = Uint8Array.from({ length: 256 }, (_, byte) => {
  let count = 0;
  for (let left = byte; left > 0; left >>= 1) count += left & 1;
  return count;
});
