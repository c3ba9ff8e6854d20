/**
 * Who sees whom inside an attention group, by the place of its rows in it. A group under `block-diffusion` has its tokens twice: the
 * noisy half, then the clean one (BD3-LM, arXiv 2503.09573, section 3.1).
 */
export type Rule =
  | { readonly kind: 'bidirectional' }
  | { readonly kind: 'causal' }
  | { readonly kind: 'block-diffusion'; /** Tokens in a block. */ readonly block: number };

export const BIDIRECTIONAL: Rule = { kind: 'bidirectional' };

/** A run of rows of a group. */
export interface Span {
  readonly from: number;
  readonly size: number;
}

/** The keys that row `row` of a group of `length` rows sees: ranges [from, to), ascending. */
export function visibleTo(rule: Rule, row: number, length: number): (readonly [number, number])[] {
  if (rule.kind === 'bidirectional') return [[0, length]];
  if (rule.kind === 'causal') return [[0, row + 1]];
  const half = length / 2;
  const noisy = row < half;
  const token = noisy ? row : row - half;
  const from = token - (token % rule.block);
  const to = Math.min(from + rule.block, half);
  return noisy
    ? [
        [from, to],
        [half, half + from],
      ]
    : [[half, half + to]];
}

/** Added to the score of a key that is not to be seen: its softmax is 0. */
export const HIDDEN = -1e9;

/** Whether the rows of a tile see all of its keys, none, or some: then what to add to their scores, [rows, columns]. */
export function tileOf(rule: Rule, length: number, rows: Span, columns: Span): 'all' | 'none' | Float32Array {
  if (rule.kind === 'bidirectional') return 'all';
  const bias = new Float32Array(rows.size * columns.size).fill(HIDDEN);
  let seen = 0;
  for (let i = 0; i < rows.size; i++)
    for (const [from, to] of visibleTo(rule, rows.from + i, length)) {
      const first = Math.max(0, from - columns.from);
      const last = Math.min(columns.size, to - columns.from);
      if (last <= first) continue;
      seen += last - first;
      bias.fill(0, i * columns.size + first, i * columns.size + last);
    }
  return seen === 0 ? 'none' : seen === bias.length ? 'all' : bias;
}
