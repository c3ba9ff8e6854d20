/**
 * Philox4x32-10 (core/random.ts) for many counters in a row, four at a time. Built to WebAssembly with SIMD by
 * scripts/build-kernel.mjs: in JavaScript, which has no 64-bit product of integers, a word costs three times as much.
 */

const M0: i32 = 0xd2511f53;
const M1: i32 = 0xcd9e8d57;
const W0: i32 = 0x9e3779b9;
const W1: i32 = 0xbb67ae85;

/**
 * Words of counters (c0 + i step0, c1 + i step1, c2, c3), i < blocks, four each, to `out`, which has room for `blocks` rounded up
 * to 4.
 */
export function words(
  out: usize,
  blocks: i32,
  key0: i32,
  key1: i32,
  c0: i32,
  step0: i32,
  c1: i32,
  step1: i32,
  c2: i32,
  c3: i32,
): void {
  const m0 = i32x4.splat(M0);
  const m1 = i32x4.splat(M1);
  const w0 = i32x4.splat(W0);
  const w1 = i32x4.splat(W1);
  for (let block = 0; block < blocks; block += 4) {
    const i = i32x4.add(i32x4.splat(block), i32x4(0, 1, 2, 3));
    let x0 = i32x4.add(i32x4.splat(c0), i32x4.mul(i, i32x4.splat(step0)));
    let x1 = i32x4.add(i32x4.splat(c1), i32x4.mul(i, i32x4.splat(step1)));
    let x2 = i32x4.splat(c2);
    let x3 = i32x4.splat(c3);
    let k0 = i32x4.splat(key0);
    let k1 = i32x4.splat(key1);
    for (let round = 0; round < 10; round++) {
      const a = i64x2.extmul_low_i32x4_u(x0, m0);
      const b = i64x2.extmul_high_i32x4_u(x0, m0);
      const c = i64x2.extmul_low_i32x4_u(x2, m1);
      const d = i64x2.extmul_high_i32x4_u(x2, m1);
      x0 = v128.xor(v128.xor(v128.shuffle<i32>(c, d, 1, 3, 5, 7), x1), k0);
      x1 = v128.shuffle<i32>(c, d, 0, 2, 4, 6);
      x2 = v128.xor(v128.xor(v128.shuffle<i32>(a, b, 1, 3, 5, 7), x3), k1);
      x3 = v128.shuffle<i32>(a, b, 0, 2, 4, 6);
      k0 = i32x4.add(k0, w0);
      k1 = i32x4.add(k1, w1);
    }
    // From a word of four counters a vector to four words of a counter.
    const t0 = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
    const t1 = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
    const t2 = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
    const t3 = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
    const at = out + (<usize>block << 4);
    v128.store(at, v128.shuffle<i64>(t0, t1, 0, 2), 0);
    v128.store(at, v128.shuffle<i64>(t0, t1, 1, 3), 16);
    v128.store(at, v128.shuffle<i64>(t2, t3, 0, 2), 32);
    v128.store(at, v128.shuffle<i64>(t2, t3, 1, 3), 48);
  }
}
