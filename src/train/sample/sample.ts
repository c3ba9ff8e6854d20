import { interrupted } from '../../core/errors.ts';
import { type Key, keyOf, philox, STREAM } from '../../core/random.ts';
import type { ModelConfig } from '../model/presets.ts';
import { choose, type Chosen } from './choose.ts';
import { type Model, openRows } from './row.ts';

/** Which of the tokens just predicted are kept: the most probable, or any. */
export const REMASKING = ['low-confidence', 'random'] as const;
export type Remasking = (typeof REMASKING)[number];

export interface SampleSettings {
  /** Masked tokens that are denoised together, from left to right in blocks (semi-autoregressive sampling). */
  readonly blockLength: number;
  /** Denoising steps over all blocks; each block makes at least one. */
  readonly steps: number;
  readonly remasking: Remasking;
  /** 0: the likeliest token. */
  readonly temperature: number;
  readonly seed: number;
  /** Lets the model write its end token. */
  readonly allowEnd: boolean;
  /** Ids from here on are of no token: a model may have more rows than its tokenizer has tokens. */
  readonly vocabulary?: number;
}

/** LLaDA's, with blocks of a quarter of its 128 tokens. */
export const SAMPLE: Omit<SampleSettings, 'steps'> = {
  blockLength: 32,
  remasking: 'low-confidence',
  temperature: 0,
  seed: 0,
  allowEnd: false,
};

/** Continues `prompt` by `length` tokens from all masks. Resolves to the new tokens. */
export async function denoise(
  prompt: Int32Array,
  length: number,
  model: Model,
  settings: SampleSettings,
  signal?: AbortSignal,
): Promise<Int32Array> {
  const ids = new Int32Array(prompt.length + length);
  ids.set(prompt);
  const open = Int32Array.from({ length }, (_, i) => prompt.length + i);
  return (await fillIn(ids, open, model, settings, signal)).subarray(prompt.length);
}

/**
 * Fills the positions `open` (ascending) of a document from masks; what stands in `ids` elsewhere stays. LLaDA's sampler
 * (arXiv 2502.09992, section 2.4, and its generate.py) with masks anywhere: in each step every masked token of the block
 * is predicted, some are kept, the rest are masked again. Mask, beginning and padding ids are never written, and the end
 * only where it is allowed. The same seed gives the same tokens. INTERRUPTED at the signal.
 */
export async function fillIn(
  ids: Int32Array,
  open: Int32Array,
  model: Model,
  settings: SampleSettings,
  signal?: AbortSignal,
): Promise<Int32Array> {
  const { config } = model;
  const filled = ids.slice();
  for (const at of open) filled[at] = config.maskTokenId;
  const banned = bannedIds(config, settings);
  const key = keyOf(settings.seed);
  const rows = openRows([ids.length], model);
  let done = 0;
  try {
    for (const { positions, steps } of blocksOf(open, settings)) {
      let left = positions;
      for (const [step, keep] of evenSplit(positions.length, steps).entries()) {
        if (keep === 0) continue;
        // Only a turn of the event loop lets a signal in.
        await new Promise(setImmediate);
        if (signal?.aborted) throw interrupted(done, open.length, 'tokens');
        const guesses: (Chosen & { at: number; confidence: number })[] = [];
        await rows.logits(filled, left, (logits, index) => {
          const at = left[index]!;
          const chosen = choose(logits, banned, { temperature: settings.temperature, key, at, step });
          const confidence = settings.remasking === 'random' ? lot(key, at, step) : chosen.probability;
          guesses.push({ ...chosen, at, confidence });
        });
        guesses.sort((a, b) => b.confidence - a.confidence || a.at - b.at);
        for (const { at, id } of guesses.slice(0, keep)) filled[at] = id;
        left = Int32Array.from(guesses.slice(keep), ({ at }) => at).sort();
        done += keep;
      }
    }
  } finally {
    rows.dispose();
  }
  return filled;
}

/** [vocabulary]: 1 for ids that no text has. */
export function bannedIds(
  config: ModelConfig,
  { allowEnd, vocabulary = config.vocabSize }: Pick<SampleSettings, 'allowEnd' | 'vocabulary'>,
): Uint8Array {
  const banned = new Uint8Array(config.vocabSize).fill(1, vocabulary);
  for (const id of [config.bosTokenId, config.padTokenId, config.eosTokenId]) if (id !== null) banned[id] = 1;
  // LLaDA pads with its end token.
  if (allowEnd && config.eosTokenId !== null) banned[config.eosTokenId] = 0;
  banned[config.maskTokenId] = 1;
  return banned;
}

/** Blocks of masked positions, in order, with the steps of each. */
export function blocksOf(
  open: Int32Array,
  { blockLength, steps }: Pick<SampleSettings, 'blockLength' | 'steps'>,
): { positions: Int32Array; steps: number }[] {
  const count = Math.ceil(open.length / blockLength);
  return evenSplit(steps, count).map((share, block) => ({
    positions: open.subarray(block * blockLength, (block + 1) * blockLength),
    steps: Math.max(1, share),
  }));
}

/** `total` in `parts` as equal as can be, the larger ones first (LLaDA's get_num_transfer_tokens). */
export const evenSplit = (total: number, parts: number): number[] =>
  Array.from({ length: parts }, (_, i) => Math.floor(total / parts) + (i < total % parts ? 1 : 0));

/** A draw of its own, beside those of the tokens: their first word counts pairs of ids. */
function lot(key: Key, at: number, step: number): number {
  const draw = new Uint32Array(4);
  philox(draw, key, 0xffffffff, at, step, STREAM.sample);
  return draw[0]!;
}
