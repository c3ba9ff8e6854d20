import type { Prompt } from '../core/document.ts';
import type { LiteralFinder } from './added.ts';
import { concatIds } from './kernel.ts';

/**
 * Ids of a text of which a part is a prompt, and how many of them are. Special tokens are looked for in what a chat template
 * wrote, and nowhere else: their text in a message is text. Where the prompt ends a token ends, as it does when a model is
 * given the prompt and goes on. Otherwise the ids are those that Hugging Face gives the whole text.
 */
export function encodePrompted(
  text: Uint8Array,
  { bytes, written }: Prompt,
  encode: (text: Uint8Array) => Int32Array,
  finder: LiteralFinder,
): { ids: Int32Array; promptTokens: number } {
  const runs: Int32Array[] = [];
  let tokens = 0;
  let promptTokens = 0;
  let done = 0;
  const push = (run: Int32Array): void => {
    if (run.length > 0) runs.push(run);
    tokens += run.length;
  };
  const encodeTo = (end: number): void => {
    if (end > done) push(encode(text.subarray(done, end)));
    done = end;
  };
  /** The prompt's end is passed once. */
  let open = true;
  const passPrompt = (at: number): void => {
    if (!open || at < bytes) return;
    encodeTo(bytes);
    promptTokens = tokens;
    open = false;
  };
  for (let range = 0; range < written.length; range += 2) {
    const from = written[range]!;
    passPrompt(from);
    for (const { start, end, id } of finder.split(text.subarray(from, written[range + 1]))) {
      if (id < 0) continue;
      encodeTo(from + start);
      push(Int32Array.of(id));
      done = from + end;
    }
  }
  passPrompt(text.length);
  encodeTo(text.length);
  return { ids: concatIds(runs), promptTokens };
}
