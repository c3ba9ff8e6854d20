import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import type { TokenRun } from '../../src/core/document.ts';
import { subsetDraw } from '../../src/core/draws.ts';
import { type MixRules, type Rules, selectStage } from '../../src/mix/index.ts';
import { documentOf } from '../support/documents.ts';

const EVERY: Rules = { epochs: 1, tokens: null, minTokens: 0, maxTokens: null };
const rulesOf = (all: Partial<Rules>, bySource: Record<string, Partial<Rules>> = {}): MixRules => ({
  all: { ...EVERY, ...all },
  bySource: Object.fromEntries(Object.entries(bySource).map(([name, own]) => [name, { ...EVERY, ...own }])),
  duplicates: 'keep',
});
const run = (text: string, tokens: number, input = 0): TokenRun => ({
  ids: new Int32Array(tokens),
  document: documentOf(text, 0, { input }),
});
const inputs = [
  { source: 'a', path: 'a.jsonl' },
  { source: 'constructor', path: 'b.jsonl' },
];

/** The verdicts as `copies reason`. */
async function verdicts(rules: MixRules, runs: readonly TokenRun[], seed = 0): Promise<string[]> {
  const stage = selectStage({ rules, filterHash: null, filter: null, seed, inputs });
  if (stage === null) throw new Error('no stage');
  const flow = (async function* () {
    yield { items: runs, cursor: { bytes: 0, records: 0 } };
  })();
  const found: string[] = [];
  for await (const { items } of stage.run(flow, { progress() {}, reject() {} }))
    for (const { verdict } of items) found.push(`${verdict?.copies} ${verdict?.dropped}`.trim());
  return found;
}

describe('rules of one document', () => {
  test('a pipeline without any has no stage', () => {
    expect(selectStage({ rules: rulesOf({}), filterHash: null, filter: null, seed: 0, inputs })).toBe(null);
  });
  test('lengths: the bounds themselves stay, an empty document is not ours, a source has its own', async () => {
    const rules = rulesOf({ minTokens: 2, maxTokens: 4 }, { constructor: { maxTokens: 1 } });
    const runs = [0, 1, 2, 4, 5].map((n) => run(`${n}`, n));
    expect(await verdicts(rules, [...runs, run('b', 1, 1), run('b', 2, 1)])).toEqual([
      '1',
      '0 too-few-tokens',
      '1',
      '1',
      '0 too-many-tokens',
      '1',
      '0 too-many-tokens',
    ]);
  });
  test('epochs: 2.3 is twice for all and thrice for three of ten; the same text fares the same', async () => {
    const runs = Array.from({ length: 2000 }, (_, i) => run(`text ${i % 1000}`, 1));
    const found = await verdicts(rulesOf({ epochs: 2.3 }), runs);
    expect(found.slice(0, 1000)).toEqual(found.slice(1000));
    expect(new Set(found)).toEqual(new Set(['2', '3']));
    // Of 1000 draws of 0.3: four standard deviations are 58.
    const thrice = found.slice(0, 1000).filter((verdict) => verdict === '3').length;
    expect(Math.abs(thrice - 300)).toBeLessThan(58);
    expect(await verdicts(rulesOf({ epochs: 2.3 }), runs, 1)).not.toEqual(found);
  });
  test('a larger share keeps what a smaller one has', async () => {
    const runs = Array.from({ length: 500 }, (_, i) => run(`text ${i}`, 1));
    const [few, more] = [
      await verdicts(rulesOf({ epochs: 0.2 }), runs),
      await verdicts(rulesOf({ epochs: 0.6 }), runs),
    ];
    const kept = few.flatMap((verdict, i) => (verdict === '1' ? [more[i]] : []));
    expect(kept.length).toBeGreaterThan(50);
    expect(new Set(kept)).toEqual(new Set(['1']));
    expect(new Set(few)).toEqual(new Set(['1', '0 not-drawn']));
  });
  test('whether a document is drawn says nothing about whether it is held out', async () => {
    const runs = Array.from({ length: 2000 }, (_, i) => run(`text ${i}`, 1));
    const subsetOf = subsetDraw(0.5, 0);
    const found = await verdicts(rulesOf({ epochs: 0.5 }), runs);
    const heldOut = runs.map(
      ({ document: { text } }) => subsetOf(createHash('sha256').update(text).digest()) === 'validation',
    );
    const both = found.filter((verdict, i) => verdict === '1' && heldOut[i]).length;
    // A quarter of 2000, within four standard deviations (77).
    expect(Math.abs(both - 500)).toBeLessThan(77);
  });
});
