import { permutation } from '../../src/core/random.ts';
import type { Subset } from '../../src/core/window.ts';
import { DEFAULT_FORM } from '../../src/core/noise.ts';
import { windowKey } from '../../src/noise/index.ts';
import type { Corpus, NoiseRow, WindowRecord, Windows } from '../../src/shard/corpus.ts';
import type { Manifest } from '../../src/shard/manifest.ts';

/** A corpus in memory: documents packed first-fit, adaptive policy, LLaDA's linear noise with t stratified a batch. */
export interface MemoryCorpusOptions {
  readonly windowLength: number;
  readonly vocabSize: number;
  readonly mask: number;
  readonly train: readonly Int32Array[];
  readonly validation: readonly Int32Array[];
  readonly passes?: number;
  readonly batchWindows?: number;
  readonly seed?: number;
  /** `direct`: one attention group a window. */
  readonly policy?: 'adaptive' | 'direct';
}

export function memoryCorpus(options: MemoryCorpusOptions): Corpus {
  const { windowLength, passes = 1, batchWindows = 4, seed = 1, policy = 'adaptive' } = options;
  const records: WindowRecord[] = [];
  for (const subset of ['train', 'validation'] as const)
    for (const documents of firstFit(options[subset], windowLength))
      records.push(windowRecord(documents, records.length, subset, windowLength, options.mask, policy));
  const numbers = (subset: Subset): Int32Array =>
    Int32Array.from(records.filter((r) => r.subset === subset).map((r) => r.window));
  const train = numbers('train');
  const manifest = {
    format: 'ultraprep/1',
    plan: 'memory',
    name: 'memory',
    windowLength,
    policy,
    seed,
    tokenizer: {
      sha256: '',
      vocabSize: options.vocabSize,
      specialIds: { mask: options.mask, bos: null, eos: null, pad: options.mask },
    },
    windows: { train: train.length, validation: records.length - train.length },
    order: { method: 'argsort-philox4x32-10', seed },
  } as unknown as Manifest;
  const windows: Windows = {
    read: async (window) => records[window]!,
    layout: async (window) => records[window]!,
    readIds: (window, into) => into.set(records[window]!.inputIds),
  };
  return {
    dir: 'memory',
    manifest,
    numbers,
    ...windows,
    inEpoch: () => windows,
    diffusionBlock: 32,
    passes,
    noise: async (pass) => {
      const place = new Map([...permutation(train.length, seed, pass)].map((i, at) => [train[i]!, at]));
      return {
        pass,
        form: { ...DEFAULT_FORM, batchWindows },
        row: (window): NoiseRow => {
          const at = place.get(window) ?? window;
          const t = ((at % batchWindows) + (((Math.floor(at / batchWindows) * 0.618) % 1) + 1) / 2) / batchWindows;
          const p = Math.fround(Math.round((0.999 * (t % 1) + 0.001) * 2 ** 24) / 2 ** 24);
          return {
            window,
            unitLengths: Int32Array.of(records[window]!.numTokens),
            p: Float32Array.of(p),
            weight: Float32Array.of(1 / p),
            key: windowKey(seed, pass, window),
            contextWeight: null,
          };
        },
      };
    },
    close: async () => {},
  };
}

/** Long documents cut, each piece into the first window with room. */
function firstFit(documents: readonly Int32Array[], windowLength: number): Int32Array[][] {
  const windows: { room: number; pieces: Int32Array[] }[] = [];
  for (const document of documents)
    for (let at = 0; at < document.length; at += windowLength) {
      const piece = document.subarray(at, at + windowLength);
      let window = windows.find(({ room }) => room >= piece.length);
      if (!window) windows.push((window = { room: windowLength, pieces: [] }));
      window.room -= piece.length;
      window.pieces.push(piece);
    }
  return windows.map(({ pieces }) => pieces);
}

function windowRecord(
  documents: readonly Int32Array[],
  window: number,
  subset: Subset,
  windowLength: number,
  pad: number,
  policy: 'adaptive' | 'direct',
): WindowRecord {
  const inputIds = new Int32Array(windowLength).fill(pad);
  const offsets = [0];
  const segments = documents.map((ids, group) => {
    const start = offsets.at(-1)!;
    inputIds.set(ids, start);
    offsets.push(start + ids.length);
    return {
      start,
      length: ids.length,
      split: 0,
      document: group,
      source: '',
      documentOffset: 0,
      part: 0,
      group: policy === 'adaptive' ? group : 0,
      promptTokens: 0,
    };
  });
  const numTokens = offsets.at(-1)!;
  const ends = policy === 'adaptive' ? offsets.slice(1) : [numTokens];
  const cuSeqlens = Int32Array.from([0, ...ends, ...(numTokens < windowLength ? [windowLength] : [])]);
  return {
    window,
    subset,
    inputIds,
    numTokens,
    segments,
    mask: {
      cuSeqlens,
      policy,
      maxSeqlen: Math.max(...cuSeqlens.subarray(1).map((end, i) => end - cuSeqlens[i]!)),
      blockMask: new Int32Array(0),
      allowedPairs: 0,
    },
  };
}
