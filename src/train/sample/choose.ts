import { logitsNotFinite } from '../../core/errors.ts';
import { type Key, philox, STREAM } from '../../core/random.ts';

export interface Chosen {
  readonly id: number;
  /** Its probability at temperature 1, among the tokens that may be written. */
  readonly probability: number;
}

/**
 * A token by Gumbel-max: argmax of logit + temperature x Gumbel, in float64 (LLaDA's generate.py: float32 noise costs
 * quality), at temperature 0 the likeliest. `logits` [vocabulary]; a `banned` id has probability 0. The draw depends on
 * the key, `at` (position) and `step` alone.
 */
export function choose(
  logits: Float32Array,
  banned: Uint8Array,
  { temperature, key, at, step }: { temperature: number; key: Key; at: number; step: number },
): Chosen {
  let high = -Infinity;
  for (let i = 0; i < logits.length; i++) if (banned[i] !== 1) high = Math.max(high, logits[i]!);
  // NaN and infinity come from weights that no training ends with.
  if (!Number.isFinite(high)) throw logitsNotFinite();
  const draw = new Uint32Array(4);
  let sum = 0;
  let id = -1;
  let best = -Infinity;
  for (let i = 0; i < logits.length; i++) {
    if (temperature > 0 && i % 2 === 0) philox(draw, key, i >>> 1, at, step, STREAM.sample);
    if (banned[i] === 1) continue;
    const logit = logits[i]!;
    sum += Math.exp(logit - high);
    const score = temperature > 0 ? logit + temperature * gumbel(draw, i & 1) : logit;
    if (score > best) [best, id] = [score, i];
  }
  return { id, probability: Math.exp(logits[id]! - high) / sum };
}

/** -log(-log u), u of 52 bits and never 0 or 1. */
function gumbel(draw: Uint32Array, half: number): number {
  const bits = draw[2 * half]! * 2 ** 20 + (draw[2 * half + 1]! >>> 12);
  return -Math.log(-Math.log((bits + 0.5) / 2 ** 52));
}
