import * as tf from '@tensorflow/tfjs-core';
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';

import { activate } from '../../../src/train/backend/load.ts';
import { drawsOf } from '../../../src/train/eval/draws.ts';
import { runGrid, shareRight, sharesOf } from '../../../src/train/eval/grid.ts';
import { hay, haystackFrom } from '../../../src/train/eval/haystack.ts';
import { heatMapSvg } from '../../../src/train/eval/heat-map.ts';
import { checkForm, NEEDLE } from '../../../src/train/eval/needle.ts';
import { needleInHaystack, promptOf } from '../../../src/train/eval/niah.ts';
import { retrieval } from '../../../src/train/eval/retrieval.ts';
import { taskTokens, trialOf } from '../../../src/train/eval/retrieval-task.ts';
import { disposeParameters, initialParameters } from '../../../src/train/model/parameters.ts';
import type { Tokenizer } from '../../../src/tokenize/index.ts';
import { TINY } from '../fixtures.ts';

/** A token a byte. */
const bytes = {
  size: 256,
  encode: (text: Uint8Array) => Int32Array.from(text),
  decode: (ids: Int32Array) => String.fromCharCode(...ids),
} as Tokenizer;
/** The same, with a token for each key and value side by side. */
const merging = {
  ...bytes,
  encode: (text: Uint8Array) => {
    const [key, value] = text;
    return text.length === 2 && key! >= 97 && value! < 97
      ? Int32Array.of(1000 + key! * 128 + value!)
      : Int32Array.from(text);
  },
} as Tokenizer;
const CONFIG = { ...TINY, vocabSize: 258, maskTokenId: 257, padTokenId: 256, eosTokenId: 256 };

describe('a retrieval trial', () => {
  const tokens = taskTokens(bytes);
  it('has its length, so many pairs of different keys, and asks for the one at its depth', () => {
    let seen = 0;
    fc.assert(
      fc.property(
        fc.integer({ min: 6, max: 90 }),
        fc.integer({ min: 1, max: 12 }),
        fc.constantFrom(0, 0.3, 1),
        fc.nat(),
        (length, pairs, depth, trial) => {
          const found = trialOf(tokens, length, pairs, depth, drawsOf(1, length, trial));
          if (length < 2 * pairs + 3) {
            expect(found).toBeNull();
            return;
          }
          const text = bytes.decode(found!.ids);
          seen++;
          expect(text).toHaveLength(length - 1);
          const [, document, key] = /^(.*)\?([a-z])$/.exec(text)!;
          const units = document!.match(/[a-z][A-Z]|[0-9]/g)!;
          expect(units.join('')).toBe(document);
          const keys = units.filter((unit) => unit.length === 2).map((unit) => unit[0]);
          expect(keys).toHaveLength(pairs);
          expect(new Set(keys).size).toBe(pairs);
          expect(units[Math.round(depth * (units.length - 1))]).toBe(key! + String.fromCharCode(found!.answer));
        },
      ),
    );
    expect(seen).toBeGreaterThan(20);
  });
  it('is another in another trial, and the same again', () => {
    const text = (trial: number) => bytes.decode(trialOf(tokens, 40, 4, 0.5, drawsOf(1, 40, trial))!.ids);
    expect(new Set([0, 1, 2, 0, 1, 2].map(text)).size).toBe(3);
  });
  it('is as long where a pair is one token', () => {
    const whole = taskTokens(merging);
    expect([whole.pair, tokens.pair]).toEqual([1, 2]);
    const { ids, answer } = trialOf(whole, 20, 6, 0, drawsOf(1, 20, 0))!;
    expect(ids).toHaveLength(19);
    expect([...ids].filter((id) => id >= 1000)).toHaveLength(6);
    expect(ids[0]).toBe(1000 + ids.at(-1)! * 128 + answer);
    expect(trialOf(whole, 8, 6, 0, drawsOf(1, 8, 0))).toBeNull();
  });
  it.each([
    ['whose letters are not tokens', (text: Uint8Array) => [...text, 0]],
    ['that has some of the pairs', (text: Uint8Array) => (text[0] === 97 && text[1] === 66 ? [1000] : [...text])],
  ])('needs another tokenizer than one %s', (_, encode) => {
    const odd = { encode: (text: Uint8Array) => Int32Array.from(encode(text)) };
    expect(() => taskTokens(odd)).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
  });
});

describe('on a model that always answers with the first letter', () => {
  const settings = { lengths: [10, 30], depths: [0, 1], trials: 60, seed: 1 };
  /** All logits are equal, so the least id wins that may be written; and so it does in the sampler. */
  const model = () => {
    const parameters = initialParameters(CONFIG, 1);
    parameters.get('model.transformer.ln_f.weight')!.dispose();
    parameters.set('model.transformer.ln_f.weight', tf.zeros([CONFIG.dModel]));
    return { parameters, config: CONFIG };
  };
  beforeAll(() => activate('wasm'));

  it('retrieval counts the answers that are right', async () => {
    const some = model();
    // The letters U to Z are the least id.
    const encode = (text: Uint8Array) => Int32Array.from(text, (byte) => (byte > 84 && byte < 97 ? 0 : byte));
    const tokens = taskTokens({ encode });
    const before = tf.memory().numTensors;
    const cells = await retrieval(some, tokens, 4, settings);
    expect(tf.memory().numTensors).toBe(before);
    expect(cells.map(({ length, right }) => [length, right === null])).toEqual([
      [10, true],
      [10, true],
      [30, false],
      [30, false],
    ]);
    for (const { right, depth } of cells.slice(2)) {
      const answers = Array.from({ length: 60 }, (_, trial) => trialOf(tokens, 30, 4, depth, drawsOf(1, 30, trial * 1024 + 1000 * depth))!.answer); // prettier-ignore
      expect(right).toBe(answers.filter((answer) => answer === 0).length);
      expect(right).toBeGreaterThan(0);
    }
    disposeParameters(some.parameters);
  });

  it('a needle is found where it is that letter', async () => {
    const some = model();
    const form = {
      needle: '{key}{value}',
      question: '?{key}',
      answer: '{value}',
      keys: ['a', 'b'],
      values: ['\u0000', 'B'],
    };
    const haystack = haystackFrom([bytes.encode(new TextEncoder().encode('0123456789'.repeat(9)))], form.keys, bytes);
    // The text of an answer is compared without white space around it: \0 is none.
    const cells = await needleInHaystack(some, bytes, form, haystack, { ...settings, lengths: [4, 12], trials: 12 });
    expect(cells.slice(0, 2).map(({ right }) => right)).toEqual([null, null]);
    for (const { right, depth } of cells.slice(2)) {
      const values = Array.from({ length: 12 }, (_, trial) => promptOf(form, haystack, 12, depth, drawsOf(1, 12, trial * 1024 + 1000 * depth), bytes)!.needle.value); // prettier-ignore
      expect(right).toBe(values.filter((value) => value === '\u0000').length);
      expect(right).toBeGreaterThan(0);
      expect(right).toBeLessThan(12);
    }
    disposeParameters(some.parameters);
  });
});

describe('a needle in hay', () => {
  const encode = (text: string) => bytes.encode(new TextEncoder().encode(text));
  const haystack = haystackFrom(
    ['all about cactus. ', 'nothing at all. ', 'and more. '].map(encode),
    NEEDLE.keys,
    bytes,
  );

  it('stands at its depth, the question at the end, all together as long as asked for', () => {
    for (const depth of [0, 0.25, 1]) {
      const { prompt, needle } = promptOf(NEEDLE, haystack, 400, depth, drawsOf(3, 400, 7), bytes)!;
      const text = bytes.decode(prompt);
      expect(prompt.length + needle.answer.length).toBe(400);
      const [hidden, question] = [needle.needle, needle.question].map((ids) => bytes.decode(ids));
      expect(hidden).toContain(needle.value);
      expect(question).not.toContain(needle.value);
      expect(text.endsWith(question!)).toBe(true);
      const rest = 400 - needle.answer.length - hidden!.length - question!.length;
      expect(text.indexOf(hidden!)).toBe(Math.round(depth * rest));
      // What is left is hay.
      const around = text.slice(0, -question!.length).replace(hidden!, '');
      expect(around).toMatch(/^((all about cactus|nothing at all|and more)\. )+/);
      expect(around).not.toContain(/numbers for (\w+) is/.exec(hidden!)![1]);
      expect(around).toHaveLength(rest);
    }
  });
  it('has no document that speaks of its key', () => {
    for (let trial = 0; trial < 20; trial++) {
      expect(bytes.decode(hay(haystack, 'cactus', 300, drawsOf(1, 300, trial))!)).not.toContain('cactus');
    }
    expect(hay(haystackFrom([encode('a cactus')], ['cactus'], bytes), 'cactus', 9, drawsOf(1, 9, 0))).toBeNull();
  });
  it('is refused where no key is left', () => {
    const all = haystackFrom([encode(NEEDLE.keys.join(' '))], NEEDLE.keys, bytes);
    expect(() => promptOf(NEEDLE, all, 400, 0, drawsOf(1, 400, 0), bytes)).toThrow(
      expect.objectContaining({ code: 'USAGE' }) as Error,
    );
  });
  it.each([{ needle: '{key}' }, { question: 'what?' }, { answer: '' }, { keys: [] }, { values: [''] }])(
    'is refused with %o',
    (change) => {
      expect(() => checkForm(NEEDLE)).not.toThrow();
      expect(() => checkForm({ ...NEEDLE, ...change })).toThrow(expect.objectContaining({ code: 'USAGE' }) as Error);
    },
  );
});

describe('a grid', () => {
  it('asks cell by cell, averages, and leaves out what was not measured', async () => {
    const seen: string[] = [];
    const cells = await runGrid(
      {
        lengths: [4, 8],
        depths: [0, 1],
        trials: 10,
        seed: 0,
        done: (cell) => seen.push(`${cell.length}/${cell.depth}`),
      },
      async (length, depth) => (length === 4 ? null : 4 + 2 * depth),
    );
    expect(seen).toEqual(['4/0', '4/1', '8/0', '8/1']);
    expect(shareRight(cells)).toBe(0.5);
    expect(shareRight(cells.slice(0, 2))).toBeNull();
    expect(sharesOf(cells, [4, 8], [0, 1])).toEqual([
      [null, 0.4],
      [null, 0.6],
    ]);
    const stopped = runGrid(
      { lengths: [4], depths: [0], trials: 1, seed: 0, signal: AbortSignal.abort() },
      async () => 1,
    );
    await expect(stopped).rejects.toMatchObject({ code: 'INTERRUPTED' });
  });

  it('is drawn with its shares, and with nothing of a title that could end the picture', () => {
    const map = {
      title: '<script>&',
      subtitle: '',
      across: 'tokens',
      down: 'depth',
      columns: ['64', '128'],
      panels: [{ heading: '', rows: ['0 %', '100 %'], shares: [[0, 1], [null, 0.5]] }],
    }; // prettier-ignore
    const svg = heatMapSvg(map);
    expect(svg).not.toContain('<script>');
    for (const share of ['>0 %<', '>50 %<', '>100 %<']) expect(svg).toContain(share);
    const fills = [...svg.matchAll(/rx="3" fill="(#\w+)"/g)].map(([, fill]) => fill);
    expect(fills).toHaveLength(4);
    expect(new Set(fills).size).toBe(4);
    expect(heatMapSvg(map)).toBe(svg);
  });
});
