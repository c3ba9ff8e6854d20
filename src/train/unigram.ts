import type { Corpus } from '../shard/index.ts';
import { readWindow } from './windows.ts';

/** What a model that ignores its context can reach. */
export interface UnigramFigures {
  /** Nats a token of the training windows' unigram (add-one smoothed over the vocabulary) on the validation windows. */
  readonly crossEntropy: number;
  readonly trainTokens: number;
  readonly validationTokens: number;
}

/** Counted on the real tokens of the training windows `train`, measured on those of `validation`. Stops at the signal. */
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
    const { inputIds, numTokens } = await readWindow(corpus, window);
    for (let i = 0; i < numTokens; i++) counts[inputIds[i]!]! += 1;
    trainTokens += numTokens;
  }
  let nats = 0;
  let validationTokens = 0;
  for (const window of validation) {
    if (signal?.aborted) break;
    const { inputIds, numTokens } = await readWindow(corpus, window);
    for (let i = 0; i < numTokens; i++) nats -= Math.log(counts[inputIds[i]!]! / (trainTokens + vocabulary));
    validationTokens += numTokens;
  }
  return { crossEntropy: nats / validationTokens, trainTokens, validationTokens };
}
