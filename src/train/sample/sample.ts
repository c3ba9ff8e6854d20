import * as tf from '@tensorflow/tfjs-core';

import { keyOf, philox, STREAM } from '../../core/random.ts';
import { disposePlaced, HEAD, hiddenRows, place } from '../model/model.ts';
import type { Parameters } from '../model/parameters.ts';
import type { ModelConfig } from '../model/presets.ts';

export interface SampleSettings {
  /** Tokens to write behind the prompt. */
  readonly length: number;
  /** Tokens denoised together, left to right in blocks (LLaDA's semi-autoregressive sampling). */
  readonly blockLength: number;
  /** Denoising steps of a block: each one keeps the most confident of its still masked tokens. */
  readonly stepsPerBlock: number;
  /** 0: the likeliest token. */
  readonly temperature: number;
  readonly seed: number;
}

export const SAMPLE: SampleSettings = { length: 64, blockLength: 16, stepsPerBlock: 16, temperature: 0.7, seed: 0 };

/**
 * Continues `prompt` from all masks by low-confidence remasking (LLaDA, arXiv 2502.09992, section 2.4): in each step every
 * masked token of the block is predicted, the most confident are kept, the rest stay masked. The mask, beginning, end and
 * padding ids are never written. Resolves to the new tokens.
 */
export async function denoise(
  prompt: Int32Array,
  parameters: Parameters,
  config: ModelConfig,
  settings: SampleSettings = SAMPLE,
): Promise<Int32Array> {
  const total = prompt.length + settings.length;
  const ids = new Int32Array(total).fill(config.maskTokenId);
  ids.set(prompt);
  const banned = [config.maskTokenId, config.bosTokenId, config.eosTokenId, config.padTokenId];
  for (let start = prompt.length; start < total; start += settings.blockLength) {
    const end = Math.min(total, start + settings.blockLength);
    for (let step = 0; step < settings.stepsPerBlock; step++) {
      const open = Int32Array.from({ length: end - start }, (_, i) => start + i).filter(
        (at) => ids[at] === config.maskTokenId,
      );
      if (open.length === 0) break;
      const logits = await logitsAt(ids, open, parameters, config);
      const keep = Math.ceil(open.length / (settings.stepsPerBlock - step));
      const guesses = [...open].map((at, row) =>
        choose(logits.subarray(row * config.vocabSize, (row + 1) * config.vocabSize), banned, settings, at, step),
      );
      guesses.sort((a, b) => b.confidence - a.confidence || a.at - b.at);
      for (const { at, id } of guesses.slice(0, keep)) ids[at] = id;
    }
  }
  return ids.subarray(prompt.length);
}

/** Logits [positions x vocabulary] of one row of tokens that all see each other. */
async function logitsAt(
  ids: Int32Array,
  positions: Int32Array,
  parameters: Parameters,
  config: ModelConfig,
): Promise<Float32Array> {
  const row = {
    ids,
    positions: Int32Array.from(ids, (_, i) => i),
    groupOffsets: Int32Array.of(0, ids.length),
  };
  const placed = place(row, config);
  const logits = tf.tidy(() => {
    const hidden = tf.gather(hiddenRows(placed, parameters, config), tf.tensor1d(positions, 'int32'));
    return tf.matMul(hidden, parameters.get(HEAD) as tf.Tensor2D, false, true);
  });
  disposePlaced(placed);
  const values = (await logits.data()) as Float32Array;
  logits.dispose();
  return values;
}

/**
 * A token for position `at` in denoising step `step` by Gumbel-max in float64 (at temperature 0 the likeliest), and its
 * probability at temperature 1.
 */
function choose(
  logits: Float32Array,
  banned: readonly (number | null)[],
  { temperature, seed }: SampleSettings,
  at: number,
  step: number,
): { at: number; id: number; confidence: number } {
  const draw = new Uint32Array(4);
  const key = keyOf(seed);
  let high = -Infinity;
  for (const logit of logits) high = Math.max(high, logit);
  let sum = 0;
  let id = -1;
  let best = -Infinity;
  for (let i = 0; i < logits.length; i++) {
    sum += Math.exp(logits[i]! - high);
    if (temperature > 0 && i % 4 === 0) philox(draw, key, i >>> 2, at, step, STREAM.sample);
    if (banned.includes(i)) continue;
    let score = logits[i]!;
    if (temperature > 0) score -= temperature * Math.log(-Math.log((draw[i & 3]! + 0.5) / 2 ** 32));
    if (score > best) [best, id] = [score, i];
  }
  return { at, id, confidence: Math.exp(logits[id]! - high) / sum };
}
