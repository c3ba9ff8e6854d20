import { interrupted } from '../../core/errors.ts';

/** A cell of a grid of lengths and depths. */
export interface Cell {
  /** Tokens in all, the question and the answer included. */
  readonly length: number;
  /** Where what is asked for stands: 0 at the beginning, 1 right before the question. */
  readonly depth: number;
  /** null: it does not fit into the length. */
  readonly right: number | null;
  readonly trials: number;
}

export interface GridSettings {
  readonly lengths: readonly number[];
  readonly depths: readonly number[];
  readonly trials: number;
  readonly seed: number;
  readonly signal?: AbortSignal;
  /** After each cell. */
  readonly done?: (cell: Cell) => void;
}

/** Asks `ask` for each cell, row by row: how many of the trials are right. */
export async function runGrid(
  { lengths, depths, trials, signal, done = () => {} }: GridSettings,
  ask: (length: number, depth: number) => Promise<number | null>,
): Promise<Cell[]> {
  const cells: Cell[] = [];
  for (const length of lengths)
    for (const depth of depths) {
      if (signal?.aborted) throw interrupted(cells.length, lengths.length * depths.length, 'cells');
      const cell = { length, depth, right: await ask(length, depth), trials };
      cells.push(cell);
      done(cell);
    }
  return cells;
}

/** Share that is right in some cells; null where nothing was measured. */
export function shareRight(cells: readonly Cell[]): number | null {
  const measured = cells.filter(({ right }) => right !== null);
  const trials = measured.reduce((sum, cell) => sum + cell.trials, 0);
  return trials === 0 ? null : measured.reduce((sum, { right }) => sum + right!, 0) / trials;
}

/** [depths][lengths]: the grid as a heat map shows it. */
export const sharesOf = (
  cells: readonly Cell[],
  lengths: readonly number[],
  depths: readonly number[],
): (number | null)[][] =>
  depths.map((depth) =>
    lengths.map((length) => shareRight(cells.filter((cell) => cell.length === length && cell.depth === depth))),
  );
