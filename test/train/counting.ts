import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { keyOf, philox } from '../../src/core/random.ts';
import type { Corpus } from '../../src/shard/corpus.ts';
import type { ModelConfig } from '../../src/train/model/presets.ts';
import { ADAMW } from '../../src/train/optimizer.ts';
import type { RunSettings } from '../../src/train/run-types.ts';
import type { Schedule } from '../../src/train/schedule.ts';
import { TINY } from './fixtures.ts';
import { memoryCorpus } from './memory-corpus.ts';

/** Documents that count up from anywhere, modulo 12: nothing for a unigram to know, all to be had from the neighbours. */
function counting(documents: number, stream: number): Int32Array[] {
  const draw = new Uint32Array(4);
  return Array.from({ length: documents }, (_, i) => {
    philox(draw, keyOf(7), i, 0, 0, stream);
    const length = 6 + (draw[0]! % 20);
    return Int32Array.from({ length }, (_, at) => (draw[1]! + at) % 12);
  });
}

export const CONFIG: ModelConfig = {
  ...TINY,
  vocabSize: 13,
  maxSequenceLength: 64,
  dModel: 32,
  hidden: 64,
  maskTokenId: 12,
  padTokenId: 12,
};

/** A corpus of such documents, its tokenizer in `dir`. */
export async function countingCorpus(dir: string): Promise<Corpus> {
  await writeFile(join(dir, 'tokenizer.json'), '{}');
  const made = memoryCorpus({
    windowLength: 64,
    vocabSize: 13,
    mask: 12,
    train: counting(200, 1),
    validation: counting(20, 2),
    passes: 2,
  });
  return { ...made, dir };
}

export const scheduleTo = (peak: number, warmup = 10): Schedule => ({
  peak,
  warmup,
  shape: 'cosine',
  floor: peak / 10,
});

export const settingsFor = (steps: number, out: string): RunSettings => ({
  steps,
  milliseconds: null,
  batchWindows: null,
  schedule: scheduleTo(0.01),
  optimizer: ADAMW,
  maxSpike: 100,
  evalEvery: 50,
  saveEvery: 50,
  seed: 1,
  from: null,
  masks: null,
  resume: false,
  out,
});
