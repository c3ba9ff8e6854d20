import os from 'node:os';
import * as tf from '@tensorflow/tfjs-core';

import { stepTooLarge } from '../core/errors.ts';
import type { Corpus } from '../shard/index.ts';
import { tileFor } from './model/attention-plan.ts';
import { MAX_LOGITS, PART_TOKENS } from './model/loss.ts';
import { activationBytes, KEEP_BYTES } from './model/model.ts';
import { countParameters } from './model/parameters.ts';
import { configOf, type ModelConfig, type Preset, presetOf, PRESETS } from './model/presets.ts';
import { trainingWindows } from './windows.ts';

/** A wasm memory holds 4 GiB, of which the rest is lost between its tensors. */
const WASM_BYTES = 3.5 * 2 ** 30;
/** Windows whose groups are looked at: 1,000 take 0.1 s. */
const LOOKED_AT = 1000;

export interface StepSize {
  /** Those that go through the model together. */
  readonly tokens: number;
  /** Tokens of their longest group. */
  readonly group: number;
  /** The weights have a moving average. */
  readonly averaged: boolean;
}

/** What one training step takes, in bytes. */
export interface StepBytes {
  /** float32 weights, gradients and two moments; their moving average, where there is one. */
  readonly weights: number;
  /** Activations kept for the backward pass, those of the block it is at, and scores or logits, whichever are more. */
  readonly activations: number;
}

/**
 * An upper bound, 1 to 20 % above what tensors were seen to take on wasm (235 MiB of 237 for one group of 4096 tokens at width 64, 2 layers;
 * 345 of 416 for 16384; 553 of 586 at width 128, 4 layers, 8,192 ids).
 */
export function stepBytes(config: ModelConfig, { tokens, group, averaged }: StepSize): StepBytes {
  const { layers, dModel, hidden, heads, vocabSize } = config;
  const tile = tileFor(heads);
  const all = tokens * activationBytes(config);
  // Of groups of one tile, which are shorter than a part.
  const scoresKept = tokens <= PART_TOKENS && group <= tile ? 4 * layers * heads * tokens * group : 0;
  const inputs = tokens * (4 * layers * dModel) + all / layers;
  const kept = all + scoresKept <= KEEP_BYTES ? all + scoresKept : all <= KEEP_BYTES ? all : inputs;
  const block = 4 * tokens * (14 * dModel + 5 * hidden);
  const scores = 5.6 * 4 * heads * Math.min(tokens, tile) ** 2;
  const logits = 3 * 4 * Math.min(MAX_LOGITS, tokens * vocabSize);
  return {
    weights: 4 * (averaged ? 5 : 4) * countParameters(config).total,
    activations: kept + Math.max(block + scores, logits),
  };
}

/** Of the parts of slabs whose longest group has so many tokens: that group alone, or a part of short ones whose scores are kept. */
function largest(config: ModelConfig, longest: number, averaged: boolean): StepBytes {
  const short = stepBytes(config, { tokens: PART_TOKENS, group: Math.min(longest, tileFor(config.heads)), averaged });
  const long = stepBytes(config, { tokens: Math.max(PART_TOKENS, longest), group: longest, averaged });
  return total(long) > total(short) ? long : short;
}

const total = ({ weights, activations }: StepBytes): number => weights + activations;

/** Tokens that see each other, at most, in the training windows that are looked at; a part of a slab is never shorter. */
export async function longestGroup(corpus: Corpus): Promise<number> {
  const windows = trainingWindows(corpus);
  const every = Math.ceil(windows.length / LOOKED_AT);
  let longest = 0;
  for (let i = 0; i < windows.length; i += every) {
    const { mask } = await corpus.layout(windows[i]!);
    const copies = mask.policy === 'block-diffusion' ? 2 : 1;
    longest = Math.max(longest, copies * mask.maxSeqlen);
  }
  return longest;
}

/** OUT_OF_MEMORY before anything is allocated, with the sizes that would fit. A GPU's memory is not known before it is full. */
export function checkRoom(
  config: ModelConfig,
  longest: number,
  backend = tf.getBackend(),
  memory = os.totalmem(),
  averaged = false,
): void {
  const limit = backend === 'wasm' ? Math.min(WASM_BYTES, memory) : memory;
  const fits = (some: ModelConfig, group: number): boolean => total(largest(some, group, averaged)) <= limit;
  if (fits(config, longest)) return;
  const name = presetOf(config);
  const groups = Array.from({ length: 14 }, (_, i) => 2 ** (20 - i)).filter((group) => group < longest);
  const corpus = { vocabSize: config.vocabSize, windowLength: config.maxSequenceLength };
  const specialIds = {
    mask: config.maskTokenId,
    bos: config.bosTokenId,
    eos: config.eosTokenId,
    pad: config.padTokenId,
  };
  throw stepTooLarge({
    model: `${name ? `the preset ${name}` : 'the model'} (${countParameters(config).total.toLocaleString('en-US')} parameters)`,
    ...largest(config, longest, averaged),
    longest,
    limit,
    backend,
    group: groups.find((group) => fits(config, group)) ?? null,
    preset:
      (Object.keys(PRESETS) as Preset[]).findLast((preset) =>
        fits(configOf(preset, { ...corpus, specialIds }), longest),
      ) ?? null,
  });
}
