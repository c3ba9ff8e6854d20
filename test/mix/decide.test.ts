import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { HashSet } from '../../src/mix/hash-set.ts';
import { decide, DECISIONS, type MixRules, type Rules, type Surveyed } from '../../src/mix/index.ts';

interface Row {
  readonly text: string;
  readonly source: string;
  readonly tokens: number;
  readonly copies: number;
}
const EVERY: Rules = { epochs: 1, tokens: null, minTokens: 0, maxTokens: null };

function surveyed(split: number, rows: readonly Row[]): Surveyed {
  const hashes = Buffer.concat(rows.map(({ text }) => createHash('sha256').update(text).digest().subarray(0, 16)));
  return {
    split,
    length: rows.length,
    hashes: new Uint32Array(new Uint8Array(hashes).buffer),
    tokens: Float64Array.from(rows, ({ tokens }) => tokens),
    copies: Int32Array.from(rows, ({ copies }) => copies),
    source: (i) => rows[i]!.source,
  };
}

/** The decisions, as `copies reason`, in plan order. */
async function decisions(splits: readonly (readonly Row[])[], rules: MixRules, passHashes?: number): Promise<string[]> {
  const all = splits.map((rows, split) => surveyed(split, rows));
  const surveys = async function* () {
    yield* all;
  };
  const found: string[] = [];
  const documents = splits.reduce((sum, rows) => sum + rows.length, 0);
  for await (const { copies, dropped } of decide(surveys, documents, rules, passHashes))
    for (const [i, n] of copies.entries()) found.push(`${n} ${DECISIONS[dropped[i]!]}`.trim());
  return found;
}

test('spelled out: the first copy that is there stays, and a budget ends with the first document over it', async () => {
  const row = (text: string, tokens: number, copies = 1, source = 'a'): Row => ({ text, source, tokens, copies });
  const splits = [
    [row('x', 5, 0), row('x', 5), row('y', 3, 2, 'b')],
    [row('x', 5), row('z', 4), row('v', 2), row('w', 1), row('y', 3)],
  ];
  const rules: MixRules = {
    all: EVERY,
    bySource: { a: { ...EVERY, tokens: 10 }, b: { ...EVERY, tokens: 6 } },
    duplicates: 'drop',
  };
  expect(await decisions(splits, rules)).toEqual([
    '0', // Not drawn, as its verdict says.
    '1',
    '2', // Twice 3 are 6.
    '0 duplicate',
    '1',
    '0 over-budget', // 5 + 4 + 2.
    '0 over-budget', // Would fit; but a budget is a prefix.
    '0 duplicate',
  ]);
  expect(await decisions(splits, { ...rules, duplicates: 'keep', bySource: {} })).toEqual(['0', '1', '2', '1', '1', '1', '1', '1']); // prettier-ignore
});

test('as a Set and a sum say, however many passes, for any splits', async () => {
  const row = fc.record({
    text: fc.nat(30).map(String),
    source: fc.constantFrom('a', 'b', 'constructor'),
    tokens: fc.nat(9),
    copies: fc.nat(2),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(row, { maxLength: 30 }), { maxLength: 5 }),
      fc.nat(60),
      async (splits, budget) => {
        const rules: MixRules = {
          all: EVERY,
          bySource: { b: { ...EVERY, tokens: budget } },
          duplicates: 'drop',
        };
        const seen = new Set<string>();
        let [used, closed] = [0, false];
        const expected = splits.flat().map(({ text, source, tokens, copies }) => {
          if (copies === 0) return '0';
          if (seen.has(text)) return '0 duplicate';
          seen.add(text);
          if (source !== 'b') return String(copies);
          closed ||= used + tokens * copies > budget;
          if (closed) return '0 over-budget';
          used += tokens * copies;
          return String(copies);
        });
        expect(await decisions(splits, rules)).toEqual(expected);
        expect(await decisions(splits, rules, 10)).toEqual(expected);
      },
    ),
    { numRuns: 100, seed: 1 },
  );
});

test('a hundred thousand hashes, half of them twice', async () => {
  const rows = Array.from({ length: 100_000 }, (_, i): Row => ({
    text: String(i < 50_000 ? i : i - 25_000),
    source: 'a',
    tokens: 1,
    copies: 1,
  }));
  const found = await decisions([rows], { all: EVERY, bySource: {}, duplicates: 'drop' }, 7000);
  expect(found.findIndex((verdict) => verdict !== '1')).toBe(50_000);
  expect(found.filter((verdict) => verdict === '0 duplicate')).toHaveLength(25_000);
});

test('hashes that agree in all but one word, the zero hash, and more than were expected', () => {
  const set = new HashSet(4);
  const seen = new Set<string>();
  for (let i = 0; i < 5000; i++) {
    const words = [0, 0, 0, 0];
    words[i % 4] = Math.floor(i / 4) % 1000;
    const key = words.join();
    expect(set.add(Uint32Array.from(words), 0)).toBe(!seen.has(key));
    seen.add(key);
  }
  // Each word's thousand values, of which the zero is one.
  expect(seen.size).toBe(4 * 999 + 1);
});

test('the share of tokens in long documents is met, evenly over plan order, after the other rules', async () => {
  const rules = (share: number): MixRules => ({
    all: EVERY,
    bySource: {},
    duplicates: 'drop',
    longShare: { share, longest: 100, longestOf: {} },
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.array(fc.record({ tokens: fc.integer({ min: 1, max: 400 }), copies: fc.integer({ min: 0, max: 2 }) })),
        {
          minLength: 1,
          maxLength: 4,
        },
      ),
      fc.constantFrom(0.1, 0.5, 0.9),
      async (splits, share) => {
        const rows = splits.map((split, s) => split.map((row, i) => ({ ...row, text: `${s} ${i % 20}`, source: 'a' })));
        const without = await decisions(rows, { ...rules(share), longShare: null });
        const found = await decisions(rows, rules(share));
        const all = rows.flat();
        const sum = (verdicts: readonly string[], long: boolean) =>
          all.reduce(
            (s, { tokens }, i) => s + (tokens > 100 === long ? tokens * Number.parseInt(verdicts[i]!, 10) : 0),
            0,
          );
        const [long, short] = [sum(without, true), sum(without, false)];
        const most = Math.max(0, ...all.map(({ tokens, copies }) => tokens * copies));
        const wanted = [Math.min(long, (short * share) / (1 - share)), Math.min(short, (long * (1 - share)) / share)];
        expect(Math.abs(sum(found, true) - wanted[0]!)).toBeLessThanOrEqual(most / 2 + 1e-6);
        expect(Math.abs(sum(found, false) - wanted[1]!)).toBeLessThanOrEqual(most / 2 + 1e-6);
        for (const [i, verdict] of found.entries())
          expect([without[i], without[i]!.startsWith('0') ? without[i] : '0 long-share']).toContain(verdict);
      },
    ),
    { numRuns: 200, seed: 1 },
  );
});

test('a document that fills a window only with its separator is a long one, by its own source', async () => {
  const longShare = { share: 0.5, longest: 100, longestOf: { b: 99 } };
  const rules: MixRules = { all: EVERY, bySource: {}, duplicates: 'keep', longShare };
  const of = (source: string) => [[100, 10, 10].map((tokens, i) => ({ tokens, copies: 1, text: `${i}`, source }))];
  // Where all are short there are no long ones to be half of it.
  expect(await decisions(of('a'), rules)).toEqual(['0 long-share', '0 long-share', '0 long-share']);
  expect((await decisions(of('b'), rules)).slice(1)).toEqual(['1', '1']);
});
