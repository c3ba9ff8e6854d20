/** How operands are laid out for tile.as.ts. Strides are in elements. */
import { PANEL } from './tile.as';

/** right[depth, columns], or where it is turned [columns, depth], to panels [depth, 8], the last filled up with zeros. */
export function packPanels(from: usize, stride: i32, turned: bool, depth: i32, columns: i32, to: usize): void {
  const size = <usize>depth << 5;
  for (let column = 0; column < columns; column += PANEL) {
    const width = min(PANEL, columns - column);
    if (width < PANEL) memory.fill(to, 0, size);
    if (turned) turn(from + ((<usize>column * <usize>stride) << 2), stride, width, depth, to, PANEL);
    else if (width == PANEL) copyPanel(from + (<usize>column << 2), stride, depth, to);
    else copyNarrow(from + (<usize>column << 2), stride, depth, width, to);
    to += size;
  }
}

function copyPanel(from: usize, stride: i32, depth: i32, to: usize): void {
  for (let step = 0; step < depth; step++) {
    v128.store(to, v128.load(from));
    v128.store(to, v128.load(from, 16), 16);
    from += <usize>stride << 2;
    to += PANEL << 2;
  }
}

function copyNarrow(from: usize, stride: i32, depth: i32, width: i32, to: usize): void {
  for (let step = 0; step < depth; step++) {
    for (let column = 0; column < width; column++)
      f32.store(to + (<usize>column << 2), f32.load(from + (<usize>column << 2)));
    from += <usize>stride << 2;
    to += PANEL << 2;
  }
}

/** to[columns, rows] = from[rows, columns] turned, 4 x 4 at a time. */
export function turn(from: usize, fromStride: i32, rows: i32, columns: i32, to: usize, toStride: i32): void {
  const f = <usize>fromStride << 2;
  const t = <usize>toStride << 2;
  const wholeRows = rows & ~3;
  const wholeColumns = columns & ~3;
  for (let column = 0; column < wholeColumns; column += 4) {
    let source = from + (<usize>column << 2);
    let target = to + <usize>column * t;
    for (let row = 0; row < wholeRows; row += 4) {
      const x0 = v128.load(source);
      const x1 = v128.load(source + f);
      const x2 = v128.load(source + 2 * f);
      const x3 = v128.load(source + 3 * f);
      const a = v128.shuffle<i32>(x0, x1, 0, 4, 1, 5);
      const b = v128.shuffle<i32>(x2, x3, 0, 4, 1, 5);
      const c = v128.shuffle<i32>(x0, x1, 2, 6, 3, 7);
      const d = v128.shuffle<i32>(x2, x3, 2, 6, 3, 7);
      v128.store(target, v128.shuffle<i64>(a, b, 0, 2));
      v128.store(target + t, v128.shuffle<i64>(a, b, 1, 3));
      v128.store(target + 2 * t, v128.shuffle<i64>(c, d, 0, 2));
      v128.store(target + 3 * t, v128.shuffle<i64>(c, d, 1, 3));
      source += 4 * f;
      target += 16;
    }
  }
  for (let column = 0; column < columns; column++)
    for (let row = column < wholeColumns ? wholeRows : 0; row < rows; row++)
      f32.store(to + <usize>column * t + (<usize>row << 2), f32.load(from + <usize>row * f + (<usize>column << 2)));
}
