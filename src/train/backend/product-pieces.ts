/** `batch` products out[m, n] = left[m, k] right[k, n] of float32, one after the other in a memory, at these addresses; turned as in kernel/index.as.ts. */
export interface Product {
  readonly left: number;
  readonly right: number;
  readonly out: number;
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly leftTurned: boolean;
  readonly rightTurned: boolean;
}

/** Some rows of one of the matrices, and where its operands and its result begin in the product's, in elements. */
export interface Piece {
  readonly matrix: number;
  readonly rows: number;
  readonly left: number;
  readonly right: number;
  readonly out: number;
}

/** About as many pieces, so that threads finish together; fewer rows would be less work than packing the right side for them. */
const PIECES = 16;
const LEAST_ROWS = 32;

/** The product by rows, in the order of its result; a multiple of 4 rows each, but at the end. */
export function piecesOf({ batch, m, n, k, leftTurned }: Product): Piece[] {
  const height = Math.max(LEAST_ROWS, Math.ceil((batch * m) / PIECES / 4) * 4);
  const pieces: Piece[] = [];
  for (let matrix = 0; matrix < batch; matrix++)
    for (let row = 0; row < m; row += height)
      pieces.push({
        matrix,
        rows: Math.min(height, m - row),
        left: matrix * m * k + (leftTurned ? row : row * k),
        right: matrix * k * n,
        out: (matrix * m + row) * n,
      });
  return pieces;
}

/** Elements [from, to) of a side of a product, and the address they are copied to. */
export interface Range {
  readonly from: number;
  readonly to: number;
  readonly at: number;
}
export interface Place {
  readonly left: Range;
  readonly right: Range;
  readonly out: Range;
  readonly end: number;
}

/** What pieces that follow one another need, from `address` on. A turned left side is needed whole: its rows are columns. */
export function placeOf({ m, n, k, leftTurned }: Product, pieces: readonly Piece[], address: number): Place {
  let at = address;
  const range = (from: number, to: number): Range => {
    const here = { from, to, at };
    at += Math.ceil((to - from) / 16) * 64;
    return here;
  };
  const first = pieces[0]!;
  const last = pieces.at(-1)!;
  const left = leftTurned
    ? range(first.matrix * m * k, (last.matrix + 1) * m * k)
    : range(first.left, last.left + last.rows * k);
  const right = range(first.right, last.right + k * n);
  const out = range(first.out, last.out + last.rows * n);
  return { left, right, out, end: at };
}
