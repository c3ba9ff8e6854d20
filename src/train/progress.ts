import { type Guard, isGuard, newGuard } from './guard.ts';
import { emptyTally, isTally, type Tally } from './record/breakdown.ts';

/** How far a run is: what its next steps and figures depend on beside weights and moments. The loop moves it on. */
export interface Progress {
  /** Steps made. */
  step: number;
  /** Tokens trained on, repeats included. */
  tokens: number;
  /** Milliseconds of training. */
  spent: number;
  /** Lines of its record. */
  lines: number;
  /** Step of the last evaluation; the tally is of the steps behind it. */
  evaluated: number;
  tally: Tally;
  readonly guard: Guard;
}

export const beginning = (windowLength: number): Progress => ({
  step: 0,
  tokens: 0,
  spent: 0,
  lines: 0,
  evaluated: 0,
  tally: emptyTally(windowLength),
  guard: newGuard(),
});

/** What was read, if it has the form of a run's progress. */
export function progressFrom(value: unknown, windowLength: number): Progress | null {
  const found = Object(value) as Record<string, unknown>;
  const numbers = ['step', 'tokens', 'spent', 'lines', 'evaluated'].map((name) => found[name]);
  if (!numbers.every((number) => typeof number === 'number' && number >= 0 && number < Infinity)) return null;
  return isTally(found['tally'], windowLength) && isGuard(found['guard']) ? (found as unknown as Progress) : null;
}
