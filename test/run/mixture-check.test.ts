/** What the tables of a corpus may not say under the rules of its mixture, each by one forged row. */
import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { NewDocument } from '../../src/core/document-rows.ts';
import { DocumentTable } from '../../src/core/document-table.ts';
import { copiesDraw, subsetDraw } from '../../src/core/draws.ts';
import { mixtureProblems, rowProblems } from '../../src/run/mixture-check.ts';
import { documentChunks, readDocuments } from '../../src/shard/index.ts';
import { temporaryFolder } from '../support/folders.ts';

const dir = temporaryFolder();
const tokenizer = { sha256: 't', vocabSize: 9, specialIds: { mask: 1, bos: null, eos: 2, pad: 2 } };
const every = { epochs: 1, tokens: null, minTokens: 5, maxTokens: 50, policy: 'direct' } as const;
const mixture = {
  all: every,
  bySource: { half: { ...every, epochs: 0.5 }, budget: { ...every, tokens: 30 } },
  duplicates: 'drop',
  filter: 'a hash',
  longShare: null,
} as const;
const pack = {
  windowLength: 64,
  method: 'best-fit',
  longDocuments: 'split',
  minSegment: 0,
  separator: null,
  pad: 0,
  validation: 0.3,
  seed: 7,
  sources: {},
} as const;
const rules = { mixture, pack };

const SOURCES = ['a', 'half', 'budget'] as const;
const hashOf = (text: string) => createHash('sha256').update(text).digest();
const drawn = (text: string) => copiesDraw(pack.seed)(0.5, hashOf(text));
/** Of texts, the first that is drawn, and the first that is not. */
const texts = Array.from({ length: 50 }, (_, i) => `half ${i}`);
const [yes, no] = [texts.find((text) => drawn(text) === 1)!, texts.find((text) => drawn(text) === 0)!];

type Row = readonly [source: (typeof SOURCES)[number], text: string, tokens: number, copies: number, dropped?: string];
/** As packing makes them. */
const SOUND: readonly Row[] = [
  ['a', 'short', 4, 0, 'too-few-tokens'],
  ['a', 'long', 51, 0, 'too-many-tokens'],
  ['a', 'bounds', 5, 1],
  ['a', 'judged', 9, 0, 'filter: dull'],
  ['a', 'packing has its own reasons', 9, 0, 'short-document'],
  ['half', yes, 9, 1],
  ['half', no, 9, 0, 'not-drawn'],
  ['a', 'twice', 9, 1],
  ['a', 'twice', 9, 0, 'duplicate'],
  ['budget', 'first', 20, 1],
  ['budget', 'second', 11, 0, 'over-budget'],
  ['budget', 'third', 10, 0, 'over-budget'],
];

const subsetOf = subsetDraw(pack.validation, pack.seed);
function tableOf(rows: readonly Row[], changed: Partial<NewDocument> = {}, order = [...rows.keys()]): Uint8Array {
  const table = new DocumentTable(SOURCES);
  for (const record of order) {
    const [source, text, tokens, copies, dropped = ''] = rows[record]!;
    const hash = hashOf(text);
    const row = {
      record,
      start: 0,
      end: 1,
      id: null,
      bytes: 1,
      tokens,
      hash,
      group: 0n,
      subset: subsetOf(hash),
      copies,
      dropped,
    };
    table.add({ ...row, input: SOURCES.indexOf(source), parts: copies > 0 ? 1 : 0, ...(record === 2 && changed) });
  }
  return Buffer.concat([...documentChunks(table, SOURCES, { plan: 'p', policy: 'direct', tokenizer })]);
}

/** Of one split by itself, then of two splits together. */
async function problems(rows: readonly Row[], changed?: Partial<NewDocument>, backwards = false): Promise<string[]> {
  const alone = [...rowProblems(3, readDocuments(tableOf(rows, changed)), rules)];
  const halves = [rows.slice(0, 8), rows.slice(8)].map((half, split) => {
    const order = backwards ? [...half.keys()].reverse() : undefined;
    const [path, bytes] = [`${split}.arrow`, tableOf(half, {}, order)];
    writeFileSync(join(dir, path), bytes);
    return { split, documents: half.length, table: { path, bytes: bytes.length, sha256: '' } };
  });
  const across: string[] = [];
  for await (const problem of mixtureProblems(dir, { splits: halves }, rules)) across.push(problem);
  return [...alone, ...across];
}

test('what packing makes passes', async () => {
  expect(new Set(texts.map(drawn))).toEqual(new Set([0, 1]));
  expect(await problems(SOUND)).toEqual([]);
});

test('rows in another order, as a shuffle leaves them: the rules were applied in that of the records', async () => {
  expect(await problems(SOUND, undefined, true)).toEqual([]);
  const found = await problems(SOUND.with(10, ['budget', 'second', 11, 1]), undefined, true);
  expect(found).toEqual([
    'document 1 of split 1: there 1 times, by the rules of the mixture there 0 times (over-budget)',
  ]);
});

test.each<[string, number, Row, string]>([
  ['one that is too short', 0, ['a', 'short', 4, 1], 'document 0 of split 3: there 1 times, by'],
  ['one that is too long', 1, ['a', 'long', 51, 1], 'document 1 of split 3: there 1 times, by'],
  ['dropped for a length it has', 2, ['a', 'bounds', 5, 0, 'too-few-tokens'], 'document 2 of split 3: there 0 times'],
  ['a copy too many', 2, ['a', 'bounds', 5, 2], 'document 2 of split 3: there 2 times, by'],
  ['drawn, and not there', 5, ['half', yes, 9, 0, 'not-drawn'], 'document 5 of split 3: there 0 times (not-drawn), by'],
  ['there, and not drawn', 6, ['half', no, 9, 1], 'document 6 of split 3: there 1 times, by'],
  ['a duplicate that stays', 8, ['a', 'twice', 9, 1], 'document 0 of split 1: there 1 times, by'],
  ['over the budget', 10, ['budget', 'second', 11, 1], 'document 2 of split 1: there 1 times, by'],
  ['behind the end of the budget', 11, ['budget', 'third', 10, 1], 'document 3 of split 1: there 1 times, by'],
  ['no duplicate', 7, ['a', 'another', 9, 0, 'duplicate'], 'document 7 of split 0: there 0 times (duplicate), by'],
])('%s', async (_, place, row, problem) => {
  const found = await problems(SOUND.with(place, row));
  expect(found).toContainEqual(expect.stringContaining(problem));
});

test('a document on the other side of the holdout', async () => {
  const held = subsetOf(hashOf('bounds'));
  const other = held === 'train' ? 'validation' : 'train';
  expect(await problems(SOUND, { subset: other })).toEqual([
    `document 2 of split 3: is ${other}, its hash draws ${held}`,
  ]);
});
