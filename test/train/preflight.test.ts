import { expect, it } from 'vitest';
import { configOf } from '../../src/train/model/presets.ts';
import { checkRoom, longestGroup, stepBytes } from '../../src/train/preflight.ts';
import { memoryCorpus } from './memory-corpus.ts';

const GiB = 2 ** 30;
const specialIds = { mask: 9, bos: null, eos: null, pad: 9 };
const model = (preset: 'tiny' | 'small' | 'medium' | 'llada-8b', vocabSize = 512) =>
  configOf(preset, { vocabSize, windowLength: 131_072, specialIds });

it('foresees what tensors were seen to take at their peak on wasm', () => {
  const bytes = (config: ReturnType<typeof model>, tokens: number): number => {
    const { weights, activations } = stepBytes(config, { tokens, group: tokens, averaged: false });
    return (weights + activations) / 2 ** 20;
  };
  // MiB seen, and at most a quarter more.
  for (const [config, tokens, seen] of [
    [model('tiny'), 4096, 235],
    [model('tiny'), 8192, 272],
    [model('tiny'), 16_384, 345],
    [model('small', 8192), 4096, 553],
  ] as const) {
    expect(bytes(config, tokens)).toBeGreaterThan(seen);
    expect(bytes(config, tokens)).toBeLessThan(seen * 1.25);
  }
});

it('grows with the longest group in proportion, once blocks are made again', () => {
  const at = (tokens: number): number =>
    stepBytes(model('tiny'), { tokens, group: tokens, averaged: false }).activations;
  expect((at(2 ** 20) - at(2 ** 19)) / (at(2 ** 19) - at(2 ** 18))).toBeCloseTo(2, 5);
});

it('lets pass what fits, and names what would where it does not', () => {
  checkRoom(model('tiny'), 131_072, 'wasm', 16 * GiB);
  checkRoom(model('llada-8b'), 131_072, 'tfjs-node', 1024 * GiB);
  expect(() => checkRoom(model('medium'), 131_072, 'wasm', 16 * GiB)).toThrow(
    expect.objectContaining({
      code: 'OUT_OF_MEMORY',
      message: expect.stringMatching(/groups of up to 16384 tokens fit.*--preset small/s) as string,
    }),
  );
  expect(() => checkRoom(model('llada-8b'), 512, 'tfjs-node', 16 * GiB)).toThrow(
    /no window is short enough.*--preset medium/s,
  );
});

it('looks for the longest group in the windows', async () => {
  const documents = [5, 30, 12, 7].map((length) => Int32Array.from({ length }, (_, i) => i % 8));
  const options = { windowLength: 32, vocabSize: 10, mask: 9, train: documents, validation: [] };
  expect(await longestGroup(memoryCorpus(options))).toBe(30);
  // Windows of 5 + 12 + 7, and of 30.
  expect(await longestGroup(memoryCorpus({ ...options, policy: 'direct' }))).toBe(30);
  expect(await longestGroup(memoryCorpus({ ...options, train: documents.slice(2), policy: 'direct' }))).toBe(19);
});

it('counts the average of the weights, where there is one', () => {
  const [without, averaged] = [false, true].map((also) =>
    stepBytes(model('medium'), { tokens: 4096, group: 4096, averaged: also }),
  );
  expect(averaged!.weights).toBe(1.25 * without!.weights);
  // Between the two: what fits without an average does not fit with one.
  const memory = without!.weights + without!.activations;
  checkRoom(model('medium'), 4096, 'tfjs-node', memory);
  expect(() => checkRoom(model('medium'), 4096, 'tfjs-node', memory, true)).toThrow(
    expect.objectContaining({ code: 'OUT_OF_MEMORY' }) as Error,
  );
});
