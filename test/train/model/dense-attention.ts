/**
 * Attention by its definition, in float64 and plain loops, every pair of a row looked at: the reference. `sees` says who sees whom. Takes q, k, v and
 * the gradient of the result, each [tokens, heads x head width]; gives the result and the gradients of q, k, v.
 */
export function denseAttention(
  operands: readonly ArrayLike<number>[],
  sees: (query: number, key: number) => boolean,
  heads: number,
  width: number,
): Float32Array[] {
  const [q, k, v, dy] = operands as [ArrayLike<number>, ArrayLike<number>, ArrayLike<number>, ArrayLike<number>];
  const tokens = q.length / width;
  const headWidth = width / heads;
  const scale = 1 / Math.sqrt(headWidth);
  const [out, dq, dk, dv] = [0, 0, 0, 0].map(() => new Float64Array(q.length)) as [
    Float64Array,
    Float64Array,
    Float64Array,
    Float64Array,
  ];
  for (let head = 0; head < heads; head++) {
    const at = (token: number): number => token * width + head * headWidth;
    const dot = (a: ArrayLike<number>, i: number, b: ArrayLike<number>, j: number): number => {
      let sum = 0;
      for (let w = 0; w < headWidth; w++) sum += a[at(i) + w]! * b[at(j) + w]!;
      return sum;
    };
    const addTo = (to: Float64Array, i: number, factor: number, from: ArrayLike<number>, j: number): void => {
      for (let w = 0; w < headWidth; w++) to[at(i) + w]! += factor * from[at(j) + w]!;
    };
    for (let i = 0; i < tokens; i++) {
      const scores = Array.from({ length: tokens }, (_, j) => (sees(i, j) ? dot(q, i, k, j) * scale : -Infinity));
      const high = scores.reduce((a, b) => Math.max(a, b));
      const total = scores.reduce((sum, score) => sum + Math.exp(score - high), 0);
      const p = scores.map((score) => Math.exp(score - high) / total);
      const dp = p.map((pj, j) => (pj > 0 ? dot(dy, i, v, j) : 0));
      const delta = p.reduce((sum, pj, j) => sum + pj * dp[j]!, 0);
      p.forEach((pj, j) => {
        if (pj === 0) return;
        addTo(out, i, pj, v, j);
        addTo(dv, j, pj, dy, i);
        addTo(dq, i, pj * (dp[j]! - delta) * scale, k, j);
        addTo(dk, j, pj * (dp[j]! - delta) * scale, q, i);
      });
    }
  }
  return [out, dq, dk, dv].map((values) => Float32Array.from(values));
}
