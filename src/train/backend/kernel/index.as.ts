/**
 * Products of float32 matrices for train/backend/products.ts, by blocks that fit the caches: Goto's way. Built to WebAssembly with
 * SIMD by scripts/build-kernel.mjs; works in the memory of TensorFlow.js and has no data of its own. An element is summed over k
 * from first to last, product and sum rounded each, however it is cut: XNNPACK's bits.
 */
import { packPanels, turn } from './pack.as';
import { PANEL, tileProduct } from './tile.as';

/** Steps of k a block: a panel of 8 columns takes 8 KiB, and stays in the first cache while all rows pass. */
const DEPTH: i32 = 256;
/** Columns and rows a block, which take 512 and 128 KiB: about what the second cache holds. */
const COLUMNS: i32 = 512;
const ROWS: i32 = 128;

/** Scratch: panels of the right side, a block of the left one where that is turned, a tile at the edge. */
const BLOCK: usize = <usize>(COLUMNS * DEPTH * 4);
const TILE: usize = BLOCK + <usize>(ROWS * DEPTH * 4);
export const scratchBytes: usize = TILE + 4 * PANEL * 4;

/**
 * out[m, n] = left[m, k] right[k, n], row-major; `leftTurned`: left is [k, m], `rightTurned`: right is [n, k]. None is 0. Rows of left as it
 * lies are `leftStride` elements apart.
 */
export function multiply(
  left: usize,
  leftStride: i32,
  right: usize,
  out: usize,
  m: i32,
  n: i32,
  k: i32,
  leftTurned: bool,
  rightTurned: bool,
  scratch: usize,
): void {
  const block = scratch + BLOCK;
  for (let column = 0; column < n; column += COLUMNS) {
    const columns = min(COLUMNS, n - column);
    for (let step = 0; step < k; step += DEPTH) {
      const depth = min(DEPTH, k - step);
      const corner = rightTurned ? at(column, k, step) : at(step, n, column);
      packPanels(right + corner, rightTurned ? k : n, rightTurned, depth, columns, scratch);
      for (let row = 0; row < m; row += ROWS) {
        const rows = min(ROWS, m - row);
        const here = out + at(row, n, column);
        if (leftTurned) {
          turn(left + at(step, leftStride, row), leftStride, depth, rows, block, DEPTH);
          multiplyBlock(block, DEPTH, scratch, here, n, rows, columns, depth, step == 0, scratch + TILE);
        } else {
          multiplyBlock(left + at(row, leftStride, step), leftStride, scratch, here, n, rows, columns, depth, step == 0, scratch + TILE);
        }
      }
    }
  }
}

// @ts-ignore: decorator
@inline
function at(row: i32, stride: i32, column: i32): usize {
  return (<usize>row * <usize>stride + <usize>column) << 2;
}

/** out[rows, columns] += left[rows, depth] panels; `fresh`: `out` has nothing yet. */
function multiplyBlock(
  left: usize,
  stride: i32,
  panels: usize,
  out: usize,
  outStride: i32,
  rows: i32,
  columns: i32,
  depth: i32,
  fresh: bool,
  tile: usize,
): void {
  for (let column = 0; column < columns; column += PANEL) {
    const width = min(PANEL, columns - column);
    for (let row = 0; row < rows; row += 4) {
      // The last row stands in for those behind it: the same bits go to the same place again.
      const last = rows - 1 - row;
      const r0 = left + at(row, stride, 0);
      const r1 = r0 + at(min(1, last), stride, 0);
      const r2 = r0 + at(min(2, last), stride, 0);
      const r3 = r0 + at(min(3, last), stride, 0);
      const here = out + at(row, outStride, column);
      // A panel that is not full has no room in `out`.
      const edge = width < PANEL;
      const o0 = edge ? tile : here;
      const to = edge ? PANEL : outStride;
      if (edge && !fresh) copyTile(here, outStride, tile, PANEL, min(4, last + 1), width);
      const o1 = o0 + at(min(1, last), to, 0);
      const o2 = o0 + at(min(2, last), to, 0);
      const o3 = o0 + at(min(3, last), to, 0);
      tileProduct(r0, r1, r2, r3, panels, o0, o1, o2, o3, depth, fresh);
      if (edge) copyTile(tile, PANEL, here, outStride, min(4, last + 1), width);
    }
    panels += at(depth, PANEL, 0);
  }
}

function copyTile(from: usize, fromStride: i32, to: usize, toStride: i32, rows: i32, columns: i32): void {
  for (let row = 0; row < rows; row++)
    for (let column = 0; column < columns; column++)
      f32.store(to + at(row, toStride, column), f32.load(from + at(row, fromStride, column)));
}
