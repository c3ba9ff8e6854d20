import type { Corpus, WindowRecord } from '../shard/index.ts';
import { readWindow } from './windows.ts';

/** What a model that ignores its context can reach. */
export interface UnigramFigures {
  /** Nats a token of the training windows' unigram (add-one smoothed over the vocabulary) on the validation windows. */
  readonly crossEntropy: number;
  /** Counted ones. */
  readonly trainTokens: number;
  readonly validationTokens: number;
}

/**
 * Counted on the tokens of the training windows `train` that are not a prompt's, and measured on those of `validation`: over all
 * of its tokens, as the loss is. Stops at the signal.
 */
export async function unigramCrossEntropy(
  corpus: Corpus,
  train: Int32Array = corpus.numbers('train'),
  validation: Int32Array = corpus.numbers('validation'),
  signal?: AbortSignal,
): Promise<UnigramFigures> {
  const vocabulary = corpus.manifest.tokenizer.vocabSize;
  const counts = new Float64Array(vocabulary).fill(1);
  let trainTokens = 0;
  for (const window of train) {
    if (signal?.aborted) break;
    const { ids } = maskable(await readWindow(corpus, window));
    for (const id of ids) counts[id]! += 1;
    trainTokens += ids.length;
  }
  let nats = 0;
  let validationTokens = 0;
  for (const window of validation) {
    if (signal?.aborted) break;
    const { ids, numTokens } = maskable(await readWindow(corpus, window));
    for (const id of ids) nats -= Math.log(counts[id]! / (trainTokens + vocabulary));
    validationTokens += numTokens;
  }
  return { crossEntropy: nats / validationTokens, trainTokens, validationTokens };
}

/** The ids of a window that are not a prompt's, and how many tokens it has with them. */
function maskable({ inputIds, numTokens, segments }: WindowRecord): { ids: number[]; numTokens: number } {
  const ids = segments.flatMap(({ start, length, promptTokens }) => [
    ...inputIds.subarray(start + promptTokens, start + length),
  ]);
  return { ids, numTokens };
}
