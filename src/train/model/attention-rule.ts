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

/** The keys of a tile that each of its rows sees: [from, to) after [from, to), counted in the tile. */
export type Seen = readonly (readonly number[])[];

/** Whether the rows of a tile see all of its keys, none, or some: then which. No score is looked at: a long group has thousands of tiles. */
export function tileOf(rule: Rule, length: number, rows: Span, columns: Span): 'all' | 'none' | Seen {
  if (rule.kind === 'bidirectional') return 'all';
  let seen = 0;
  const ranges = Array.from({ length: rows.size }, (_, i) =>
    visibleTo(rule, rows.from + i, length).flatMap(([from, to]) => {
      const first = Math.max(0, from - columns.from);
      const last = Math.min(columns.size, to - columns.from);
      if (last <= first) return [];
      seen += last - first;
      return [first, last];
    }),
  );
  return seen === 0 ? 'none' : seen === rows.size * columns.size ? 'all' : ranges;
}

/** What is added to the scores of a tile, [rows, columns], for keys that are not seen. */
export function biasOf(seen: Seen, columns: number): Float32Array {
  const bias = new Float32Array(seen.length * columns).fill(HIDDEN);
  for (const [row, ranges] of seen.entries())
    for (let i = 0; i < ranges.length; i += 2) bias.fill(0, row * columns + ranges[i]!, row * columns + ranges[i + 1]!);
  return bias;
}
