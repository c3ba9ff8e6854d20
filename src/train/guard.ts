import { lossExploded } from '../core/errors.ts';

/** Steps that the running mean of the gradient norm is over, and that pass before a norm is judged by it. */
const STEPS = 20;
/** Exploding steps in a row that end a run: one alone is a hard batch, which clipping takes care of. */
const PATIENCE = 3;
/** The logarithm of the vocabulary is the loss of a guess: a model twice as far off is falling apart, not learning. */
const WORSE_THAN_GUESSING = 2;

/** The cross-entropy above which a model is, in nats a masked token. */
export const worstOf = (vocabulary: number): number => WORSE_THAN_GUESSING * Math.log(vocabulary);

/** What a run has seen of its gradient norms. It is in the resume file: a resumed run stops where the whole one does. */
export interface Guard {
  /** Running mean of the norms of the steps that did not explode. */
  norm: number;
  steps: number;
  /** Exploding steps in a row. */
  streak: number;
}

export const newGuard = (): Guard => ({ norm: 0, steps: 0, streak: 0 });

export interface Watched {
  /** From 1. */
  readonly step: number;
  /** Numbers of the windows in the step's batch. */
  readonly windows: Int32Array;
  /** There is a checkpoint. */
  readonly saved: boolean;
  readonly gradientNorm: number;
  /** Nats a masked token, unweighted: weights of 1 / p make the loss itself swing. */
  readonly crossEntropy: number;
}

/**
 * Looks at a step that was made. LOSS_EXPLODED at the third in a row whose gradient norm is above `factor` times its running
 * mean, or whose cross-entropy is above twice the logarithm of the vocabulary. A `factor` of 0 lets all pass.
 */
export function watch(guard: Guard, watched: Watched, factor: number, vocabulary: number): void {
  const { gradientNorm, crossEntropy } = watched;
  const limits = [
    ['cross-entropy', crossEntropy, worstOf(vocabulary)],
    ['gradient norm', gradientNorm, guard.steps < STEPS ? Infinity : factor * guard.norm],
  ] as const;
  const broken = factor > 0 ? limits.find(([, value, limit]) => value > limit) : undefined;
  if (!broken) {
    guard.steps += 1;
    guard.norm += (gradientNorm - guard.norm) / Math.min(guard.steps, STEPS);
    guard.streak = 0;
    return;
  }
  guard.streak += 1;
  const [what, value, limit] = broken;
  if (guard.streak >= PATIENCE) throw lossExploded({ ...watched, what, value, limit, inARow: PATIENCE });
}

/** Whether a value that was read has the form of a guard. */
export const isGuard = (value: unknown): value is Guard =>
  Object.keys(newGuard()).every((name) => {
    const found: unknown = Object(value)[name];
    return typeof found === 'number' && found >= 0 && found < Infinity;
  });
