import os from 'node:os';
import * as tf from '@tensorflow/tfjs-core';

import { stepTooLarge } from '../core/errors.ts';
import type { Corpus } from '../shard/index.ts';
import { TILE } from './model/attention-plan.ts';
import { MAX_LOGITS, PART_TOKENS } from './model/loss.ts';
import { activationBytes, KEEP_BYTES } from './model/model.ts';
import { countParameters } from './model/parameters.ts';
import { configOf, type ModelConfig, type Preset, presetOf, PRESETS } from './model/presets.ts';
import { trainingWindows } from './windows.ts';

/** A wasm memory holds 4 GiB, of which the rest is lost between its tensors. */
const WASM_BYTES = 3.5 * 2 ** 30;
/** Windows whose groups are looked at: 1,000 take 0.1 s. */
const LOOKED_AT = 1000;

/** What one training step takes, in bytes. */
export interface StepBytes {
  /** float32 weights, gradients and two moments; their moving average, where there is one. */
  readonly weights: number;
  /** Activations kept for the backward pass, those of the block it is at, and scores or logits, whichever are more. */
  readonly activations: number;
}

/**
 * An upper bound, 5 to 20 % above what tensors were seen to take on wasm (87 MB of 91 at 4096 tokens, width 64, 2 layers; 255 of 279 at
 * width 128, 4 layers, 8,192 ids). `tokens`: those that go through the model together, the longest group or `PART_TOKENS`. `averaged`: the
 * weights have a moving average.
 */
export function stepBytes(config: ModelConfig, tokens: number, averaged = false): StepBytes {
  const { layers, dModel, hidden, heads, vocabSize } = config;
  const all = tokens * activationBytes(config);
  const kept = all <= KEEP_BYTES ? all : tokens * (4 * layers * dModel) + all / layers;
  const block = 4 * tokens * (12 * dModel + 5 * hidden);
  const scores = 4 * 4 * heads * Math.min(tokens, TILE) ** 2;
  const logits = 3 * 4 * Math.min(MAX_LOGITS, tokens * vocabSize);
  return {
    weights: 4 * (averaged ? 5 : 4) * countParameters(config).total,
    activations: kept + Math.max(block + scores, logits),
  };
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
  const fits = (some: ModelConfig, group: number): boolean =>
    total(stepBytes(some, Math.max(PART_TOKENS, group), averaged)) <= limit;
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
    ...stepBytes(config, Math.max(PART_TOKENS, longest), averaged),
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
