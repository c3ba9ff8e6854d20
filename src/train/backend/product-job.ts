/** What threads that multiply share: a memory that begins with these 32-bit numbers, then a table of pieces, operands and results. */
export const JOB = {
  /** Pieces nobody has taken; below 1: none. Whoever takes one counts down and has the one of that number. */
  left: 0,
  /** Pieces the threads have finished. */
  done: 1,
  /** Counted up to wake the threads. */
  round: 2,
  /** Threads that have started. */
  ready: 3,
  /** Of the product: its sizes, distance of the left side's rows as they lie, and what is turned (0 or 1). */
  n: 4,
  k: 5,
  leftStride: 6,
  leftTurned: 7,
  rightTurned: 8,
  /** Of each piece: address of its left side, right side and result, and its rows. */
  pieces: 16,
} as const;
export const PIECE_NUMBERS = 4;
export const MOST_PIECES = 1024;
/** Where the table ends, in bytes: a multiple of 64. */
export const TABLE_END = 4 * (JOB.pieces + PIECE_NUMBERS * MOST_PIECES);

/** `multiply` of kernel/index.as.ts. */
export type Multiply = (
  left: number,
  leftStride: number,
  right: number,
  out: number,
  m: number,
  n: number,
  k: number,
  leftTurned: number,
  rightTurned: number,
  scratch: number,
) => void;

export interface ThreadData {
  readonly kernel: WebAssembly.Module;
  readonly memory: WebAssembly.Memory;
  /** This thread's own. */
  readonly scratch: number;
}
