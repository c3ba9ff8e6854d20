import type { WindowRecord } from '../../src/shard/corpus.ts';
import type { ModelConfig } from '../../src/train/model/presets.ts';
import { segmentsOf } from '../support/segments.ts';

/** A model of a few hundred parameters; the mask id is 9. */
export const TINY: ModelConfig = {
  vocabSize: 10,
  dModel: 8,
  heads: 2,
  layers: 2,
  hidden: 12,
  ropeTheta: 10_000,
  ropeExtension: null,
  rmsNormEps: 1e-5,
  maxSequenceLength: 16,
  maskTokenId: 9,
  bosTokenId: null,
  eosTokenId: null,
  padTokenId: 9,
};

/** A window of these documents, an attention group each; padded with 0. */
export function windowOf(documents: readonly (readonly number[])[], windowLength: number): WindowRecord {
  const ids = documents.flat();
  const offsets = [0];
  for (const { length } of documents) offsets.push(offsets.at(-1)! + length);
  if (ids.length < windowLength) offsets.push(windowLength);
  return {
    window: 0,
    subset: 'train',
    inputIds: Int32Array.from({ length: windowLength }, (_, i) => ids[i] ?? 0),
    numTokens: ids.length,
    segments: segmentsOf(documents.map(({ length }) => length)),
    mask: {
      cuSeqlens: Int32Array.from(offsets),
      policy: 'adaptive',
      maxSeqlen: 0,
      blockMask: new Int32Array(0),
      allowedPairs: 0,
    },
  };
}
