import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { keyOf } from '../../../src/core/random.ts';
import { chooseBackend } from '../../../src/train/backend/backend.ts';
import { HEAD } from '../../../src/train/model/model.ts';
import { disposeParameters, initialParameters, type Parameters } from '../../../src/train/model/parameters.ts';
import { choose } from '../../../src/train/sample/choose.ts';
import { openRows } from '../../../src/train/sample/row.ts';
import { blocksOf, evenSplit, fillIn, REMASKING, SAMPLE } from '../../../src/train/sample/sample.ts';
import { TINY } from '../fixtures.ts';

/** Ids 6 to 9 are the beginning, the end, padding and the mask. */
const CONFIG = { ...TINY, bosTokenId: 6, eosTokenId: 7, padTokenId: 8 };
let parameters: Parameters;
beforeAll(async () => {
  await chooseBackend('wasm');
  parameters = initialParameters(CONFIG, 3);
  // Sure enough of itself that the order in which tokens are kept shows in the text.
  const head = parameters.get(HEAD)!;
  parameters.set(HEAD, tf.mul(head, 30));
  head.dispose();
});
afterAll(() => disposeParameters(parameters));

const someSettings = fc.record({
  blockLength: fc.integer({ min: 1, max: 12 }),
  steps: fc.integer({ min: 1, max: 20 }),
  remasking: fc.constantFrom(...REMASKING),
  temperature: fc.constantFrom(0, 0.5, 2),
  seed: fc.integer({ min: 0, max: 1000 }),
  allowEnd: fc.boolean(),
});
const someRow = fc
  .array(fc.record({ id: fc.integer({ min: 0, max: 9 }), gap: fc.boolean() }), { minLength: 1, maxLength: 20 })
  .map((tokens) => ({
    ids: Int32Array.from(tokens, ({ id }) => id),
    open: Int32Array.from(tokens.flatMap(({ gap }, at) => (gap ? at : []))),
  }));

describe('fillIn', () => {
  it('fills every gap with a token of text, touches nothing else, and does it again', async () => {
    await fc.assert(
      fc.asyncProperty(someRow, someSettings, async ({ ids, open }, settings) => {
        const given = ids.slice();
        const before = tf.memory().numTensors;
        const filled = await fillIn(ids, open, { parameters, config: CONFIG }, settings);
        expect(tf.memory().numTensors).toBe(before);
        expect(ids).toEqual(given);
        const gaps = new Set(open);
        filled.forEach((id, at) => {
          if (!gaps.has(at)) expect(id).toBe(ids[at]);
          else expect(id < 6 || (settings.allowEnd && id === 7)).toBe(true);
        });
        expect(await fillIn(ids, open, { parameters, config: CONFIG }, settings)).toEqual(filled);
      }),
      { numRuns: 60 },
    );
  });

  it('draws other tokens under another seed, and at temperature 0 the same in whatever order they are kept', async () => {
    const open = Int32Array.from({ length: 12 }, (_, i) => 2 + i);
    const texts = new Set<string>();
    const run = (change: object) =>
      fillIn(new Int32Array(14), open, { parameters, config: CONFIG }, { ...SAMPLE, steps: 1, ...change });
    for (let seed = 0; seed < 4; seed++) texts.add((await run({ temperature: 1, seed })).join());
    expect(texts.size).toBe(4);
    // One step keeps all: nothing is left to remask.
    expect(await run({ remasking: 'random' })).toEqual(await run({}));
    const slow = { steps: 12, temperature: 1 };
    expect(await run({ ...slow, remasking: 'random' })).not.toEqual(await run(slow));
  });

  it('never writes an id that the tokenizer has no token for', async () => {
    const open = Int32Array.from({ length: 30 }, (_, i) => i);
    const settings = { ...SAMPLE, steps: 30, temperature: 50, remasking: 'random' as const, vocabulary: 4 };
    const filled = await fillIn(new Int32Array(30), open, { parameters, config: CONFIG }, settings);
    expect(new Set(filled)).toEqual(new Set([0, 1, 2, 3]));
  });

  it('stops at the signal', async () => {
    const stopped = fillIn(new Int32Array(4), Int32Array.of(1, 2), { parameters, config: CONFIG }, { ...SAMPLE, steps: 2 }, AbortSignal.abort()); // prettier-ignore
    await expect(stopped).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('says that weights are broken instead of writing text', async () => {
    const broken = new Map(parameters).set(
      'model.transformer.ln_f.weight',
      tf.tensor1d(new Float32Array(CONFIG.dModel).map(() => NaN)),
    );
    const filled = fillIn(
      Int32Array.of(1, 0),
      Int32Array.of(1),
      { parameters: broken, config: CONFIG },
      { ...SAMPLE, steps: 1 },
    );
    await expect(filled).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
  });
});

describe('blocks and steps', () => {
  it('split as evenly as can be, the larger parts first', () => {
    expect(evenSplit(10, 4)).toEqual([3, 3, 2, 2]);
    expect(evenSplit(2, 4)).toEqual([1, 1, 0, 0]);
    const blocks = blocksOf(Int32Array.of(3, 4, 9, 20, 21), { blockLength: 2, steps: 4 });
    expect(blocks.map(({ positions, steps }) => [[...positions], steps])).toEqual([
      [[3, 4], 2],
      [[9, 20], 1],
      [[21], 1],
    ]);
  });
});

describe('openRows', () => {
  it('gives each document the logits it has alone, at the positions asked for and no others', async () => {
    const ids = Int32Array.of(1, 2, 3, 4, 5, 0, 1);
    const take = async (rows: ReturnType<typeof openRows>, some: Int32Array, at: Int32Array) => {
      const found: number[][] = [];
      await rows.logits(some, at, (logits, index) => (found[index] = [...logits]));
      rows.dispose();
      return found;
    };
    const model = { parameters, config: CONFIG };
    const both = await take(openRows([4, 3], model), ids, Int32Array.of(6, 1));
    const [alone] = await take(openRows([3], model), ids.slice(4), Int32Array.of(2));
    expect(both).toHaveLength(2);
    both[0]!.forEach((logit, id) => expect(logit).toBeCloseTo(alone![id]!, 4));
  });
});

describe('choose', () => {
  const logits = Float32Array.of(1, 3, 2, 9);
  const banned = Uint8Array.of(0, 0, 0, 1);
  const share = (i: number, temperature = 1): number =>
    Math.exp(logits[i]! / temperature) / [1, 3, 2].reduce((sum, logit) => sum + Math.exp(logit / temperature), 0);

  it('takes the likeliest at temperature 0, with its probability among those allowed', () => {
    const { id, probability } = choose(logits, banned, { temperature: 0, key: keyOf(0), at: 0, step: 0 });
    expect(id).toBe(1);
    expect(probability).toBeCloseTo(share(1), 12);
  });

  it('draws from softmax(logits / temperature), and tells the probability at temperature 1', () => {
    const counts = [0, 0, 0, 0];
    const draws = 20_000;
    for (let at = 0; at < draws; at++) {
      const { id, probability } = choose(logits, banned, { temperature: 2, key: keyOf(5), at, step: 1 });
      counts[id]!++;
      expect(probability).toBeCloseTo(share(id), 12);
    }
    // Within 4 standard deviations.
    for (const i of [0, 1, 2]) {
      const p = share(i, 2);
      expect(Math.abs(counts[i]! / draws - p)).toBeLessThan(4 * Math.sqrt((p * (1 - p)) / draws));
    }
    expect(counts[3]).toBe(0);
  });
});
