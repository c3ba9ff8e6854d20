import type { Corpus } from '../../shard/index.ts';
import type { TrainEvent } from '../run-types.ts';
import { readWindow } from '../windows.ts';
import type { Model } from './row.ts';
import { denoise, SAMPLE } from './sample.ts';

const PROMPT_TOKENS = 48;
const NEW_TOKENS = 64;

/**
 * The first half, at most, of the longest document of the first held-out window (without any, of the first training
 * window), and what the model makes of it; together no longer than what the model was trained on.
 */
export async function sampleFrom(
  corpus: Corpus,
  validation: Int32Array,
  model: Model,
): Promise<(TrainEvent & { kind: 'sample' }) | null> {
  const window = validation[0] ?? corpus.numbers('train')[0];
  if (window === undefined) return null;
  const { inputIds, segments } = await readWindow(corpus, window);
  const longest = segments.toSorted((a, b) => b.length - a.length)[0];
  if (!longest) return null;
  const room = model.config.maxSequenceLength;
  const promptLength = Math.max(1, Math.min(PROMPT_TOKENS, Math.floor(Math.min(longest.length, room) / 2)));
  const prompt = inputIds.slice(longest.start, longest.start + promptLength);
  const length = Math.min(NEW_TOKENS, room - promptLength);
  const settings = { ...SAMPLE, blockLength: 16, steps: length, temperature: 0.7 };
  const continuation = await denoise(prompt, length, model, settings);
  return { kind: 'sample', heldOut: validation.length > 0, prompt, continuation };
}
