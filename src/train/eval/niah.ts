import { usageError } from '../../core/errors.ts';
import type { Tokenizer } from '../../tokenize/index.ts';
import type { Model } from '../sample/row.ts';
import { denoise, SAMPLE } from '../sample/sample.ts';
import { type Draws, drawsOf } from './draws.ts';
import { type Cell, type GridSettings, runGrid } from './grid.ts';
import { hay, type Haystack } from './haystack.ts';
import { type Needle, needleOf, type NeedleForm } from './needle.ts';

/**
 * Needle in a haystack: a sentence with a number stands at a depth in text that has nothing to do with it, the question at the
 * end; the answer is sampled (temperature 0, a token a step), and right where it reads exactly as it should.
 */
export const needleInHaystack = (
  model: Model,
  tokenizer: Tokenizer,
  form: NeedleForm,
  haystack: Haystack,
  settings: GridSettings,
): Promise<Cell[]> =>
  runGrid(settings, async (length, depth) => {
    let right = 0;
    for (let trial = 0; trial < settings.trials; trial++) {
      const draws = drawsOf(settings.seed, length, trial * 1024 + Math.round(1000 * depth));
      const made = promptOf(form, haystack, length, depth, draws, tokenizer);
      if (made === null) return null;
      const { prompt, needle } = made;
      const steps = needle.answer.length;
      const sampling = { ...SAMPLE, blockLength: steps, steps, vocabulary: tokenizer.size };
      const ids = await denoise(prompt, steps, model, sampling, settings.signal);
      if (tokenizer.decode(ids).trim() === needle.value) right++;
    }
    return right;
  });

/** Hay with the needle at `depth`, then the question; with the answer `length` tokens. null where they alone are longer. */
export function promptOf(
  form: NeedleForm,
  haystack: Haystack,
  length: number,
  depth: number,
  draws: Draws,
  tokenizer: Pick<Tokenizer, 'encode'>,
): { prompt: Int32Array; needle: Needle } | null {
  for (const key of draws.some(form.keys, form.keys.length)) {
    const needle = needleOf(form, key, draws, tokenizer);
    const rest = length - needle.needle.length - needle.question.length - needle.answer.length;
    if (rest < 0) return null;
    const around = hay(haystack, key, rest, draws);
    if (around === null) continue;
    const at = Math.round(depth * rest);
    const prompt = new Int32Array(length - needle.answer.length);
    prompt.set(around.subarray(0, at));
    prompt.set(needle.needle, at);
    prompt.set(around.subarray(at), at + needle.needle.length);
    prompt.set(needle.question, at + needle.needle.length + (rest - at));
    return { prompt, needle };
  }
  throw usageError(
    '--niah: every document of the haystack speaks of every key; give others with --keys, or a --haystack',
  );
}
