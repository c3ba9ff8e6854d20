import { describe, expect, test } from 'vitest';
import { DocumentTable } from '../../src/core/document-table.ts';
import type { Segment } from '../../src/core/window.ts';
import { emptyLedger } from '../../src/run/ledger.ts';
import { Conservation } from '../../src/run/conservation.ts';
import { documentChunks, readDocuments, type WindowRecord } from '../../src/shard/index.ts';

const tokenizer = { sha256: 't', vocabSize: 9, specialIds: { mask: 1, bos: null, eos: 2, pad: 2 } };

type Row = readonly [tokens: number, parts: number, copies?: number, dropped?: string];

/** Documents of these tokens, parts, copies (1) and reasons (none), in one split. */
function tableOf(documents: readonly Row[], keys: readonly bigint[] = []) {
  const table = new DocumentTable(['a']);
  for (const [record, [tokens, parts, copies = 1, dropped = '']] of documents.entries())
    table.add({
      input: 0,
      record,
      start: 0,
      end: 1,
      id: null,
      subset: 'train',
      bytes: 1,
      tokens,
      parts,
      copies,
      dropped,
      group: keys[record] ?? 0n,
      hash: new Uint8Array(16),
    });
  return readDocuments(Buffer.concat([...documentChunks(table, ['a'], { plan: 'p', policy: 'adaptive', tokenizer })]));
}
/** A segment: [document, part, offset, length]. */
type Place = readonly [number, number, number, number];

const sum = (rows: readonly Row[], of: (row: Row) => number): number => rows.reduce((total, row) => total + of(row), 0);

/** The ledger that the table asks for, with `changed` counts of tokens. */
function problems(documents: readonly Row[], places: readonly Place[], changed: object = {}): string[] {
  const gone = documents.filter(([, , copies]) => copies === 0);
  const dropped = (of: (row: Row) => number) => (gone.length === 0 ? {} : { [gone[0]![3]!]: sum(gone, of) });
  const ledger = {
    documents: { read: documents.length, packed: documents.length - gone.length, dropped: dropped(() => 1) },
    tokens: {
      read: sum(documents, ([n]) => n),
      repeated: sum(documents, ([n, , copies = 1]) => n * Math.max(0, copies - 1)),
      inserted: 0,
      packed: sum(documents, ([n, , copies = 1]) => n * copies),
      dropped: dropped(([n]) => n),
      ...changed,
    },
    bytes: 0,
    rejected: {},
  };
  const rules = {
    windowLength: 10,
    method: 'best-fit',
    longDocuments: 'split',
    minSegment: 0,
    separatorOf: () => 0,
  };
  const conservation = new Conservation({ ledger, ledgerBySource: { a: ledger } }, rules);
  conservation.documents(3, tableOf(documents));
  for (const [window, [document, part, documentOffset, length]] of places.entries()) {
    const segment: Segment = {
      start: 0,
      length,
      split: 3,
      document,
      source: 'a',
      documentOffset,
      part,
      group: 0,
      promptTokens: 0,
    };
    conservation.window({ window, subset: 'train', segments: [segment] } as unknown as WindowRecord);
  }
  return [...conservation.problems()];
}

const DOCUMENTS = [
  [25, 3],
  [4, 1],
  [20, 2],
] as const;
const WHOLE: readonly Place[] = [
  [0, 2, 20, 5],
  [2, 1, 10, 10],
  [1, 0, 0, 4],
  [0, 0, 0, 10],
  [2, 0, 0, 10],
  [0, 1, 10, 10],
];

test('parts may lie in windows in any order', () => {
  expect(problems(DOCUMENTS, WHOLE)).toEqual([]);
});

test.each<[string, readonly Place[], string]>([
  [
    'a part twice and another not at all',
    WHOLE.map((p) => (p[1] === 2 ? [0, 1, 10, 5] : p)),
    'document 0 of split 3: part 1 begins at token 10, expected part 2 at 15',
  ],
  [
    'two parts that change places',
    WHOLE.map((p) => (p[0] === 2 ? [2, 1 - p[1], p[2], 10] : p)),
    'document 2 of split 3: part 0 begins at token 10, expected part 0 at 0',
  ],
  [
    'a gap',
    WHOLE.map((p) => (p[1] === 2 ? [0, 2, 21, 5] : p)),
    'document 0 of split 3: part 2 begins at token 21, expected part 2 at 20',
  ],
  [
    'a whole document that begins later',
    WHOLE.map((p) => (p[0] === 1 ? [1, 0, 1, 4] : p)),
    'document 1 of split 3: part 0 begins at token 1, expected part 0 at 0',
  ],
  ['a whole document twice', [...WHOLE, [1, 0, 0, 4]], 'document 1 of split 3: 2 parts in windows, 1 in its table'],
  ['a part that is gone', WHOLE.slice(1), 'document 0 of split 3: 2 parts in windows, 3 in its table'],
  [
    'a document that no table lists',
    [...WHOLE, [9, 0, 0, 4]],
    'window 6: holds document 9 of split 3, which no table lists',
  ],
])('%s is found', (_, places, problem) => {
  expect(problems(DOCUMENTS, places)).toContain(problem);
});

/** Document 0 three times, in its two parts; document 1 a duplicate. */
const REPEATED = [
  [14, 2, 3],
  [6, 0, 0, 'duplicate'],
] as const;
const THRICE: readonly Place[] = [0, 1, 2].flatMap((): Place[] => [
  [0, 1, 10, 4],
  [0, 0, 0, 10],
]);

test('each part of a document is there as often as its copies say, in any order', () => {
  expect(problems(REPEATED, THRICE)).toEqual([]);
  expect(
    problems(
      REPEATED,
      THRICE.toSorted((a, b) => a[1] - b[1]),
    ),
  ).toEqual([]);
});

test.each<[string, readonly Place[], object, string]>([
  ['a copy that is gone', THRICE.slice(2), {}, 'document 0 of split 3: 4 parts in windows, 2 3 times in its table'],
  [
    'a copy too many',
    [...THRICE, [0, 0, 0, 10]],
    {},
    'document 0 of split 3: 7 parts in windows, 2 3 times in its table',
  ],
  [
    'one part in place of another',
    THRICE.map((place, i) => (i === 0 ? [0, 0, 0, 4] : place)),
    {},
    'document 0 of split 3: part 0 begins at token 0, expected part 1 at 10',
  ],
  [
    'a duplicate that is there',
    [...THRICE, [1, 0, 0, 6]],
    {},
    'document 1 of split 3: 1 parts in windows, 0 in its table',
  ],
  [
    'a copy cut elsewhere',
    THRICE.map((place, i) => (i === 1 ? [0, 0, 0, 9] : i === 3 ? [0, 0, 0, 11] : place)),
    {},
    'document 0 of split 3: part 0 with 9 and with 10 tokens',
  ],
  ['a ledger that forgets the copies', THRICE, { repeated: 14 }, 'ledger of a: 14 tokens repeated, the files hold 28'],
  [
    'a ledger with another reason',
    THRICE,
    { dropped: { 'over-budget': 6 } },
    'ledger of a: 0 tokens dropped as duplicate, the files hold 6',
  ],
])('%s is found', (_, places, changed, problem) => {
  expect(problems(REPEATED, places, changed)).toContain(problem);
});

describe('attention groups', () => {
  /** What is said of a window of documents with these keys, whose segments are of these groups. */
  function said(keys: readonly number[], groups: readonly number[], method = 'best-fit'): string[] {
    const rules = { windowLength: 10, method, longDocuments: 'split', minSegment: 0, separatorOf: () => 0 };
    const ledger = emptyLedger();
    const conservation = new Conservation({ ledger, ledgerBySource: {} }, rules);
    conservation.documents(
      3,
      tableOf(
        keys.map(() => [1, 1] as const),
        keys.map(BigInt),
      ),
    );
    const segments = groups.map((group, document) => ({
      start: document,
      length: 1,
      split: 3,
      document,
      source: 'a',
      documentOffset: 0,
      part: 0,
      group,
      promptTokens: 0,
    }));
    conservation.window({ window: 0, subset: 'train', segments } as unknown as WindowRecord);
    return [...conservation.problems()].filter((problem) => problem.includes('of group'));
  }

  test.each([
    ['all alone', [0, 0, 0], [0, 1, 2]],
    ['two of one key side by side', [5, 5, 0], [0, 0, 1]],
    ['two keys', [5, 5, -7, -7], [0, 0, 1, 1]],
  ])('%s: nothing is wrong', (_, keys, groups) => expect(said(keys, groups)).toEqual([]));

  test.each([
    ['strangers in one group', [0, 0, 0], [0, 0, 1], 'segment 1 is of group 0, by its document of 1'],
    ['one key in two groups', [5, 5], [0, 1], 'segment 1 is of group 1, by its document of 0'],
    ['one key apart', [5, 0, 5], [0, 1, 2], 'segment 2 is of group 2, by its document of 0'],
  ])('%s are told of', (_, keys, groups, problem) => {
    expect(said(keys, groups)).toEqual([`window 0: ${problem}`]);
  });

  test('under concat those of one key may lie apart', () => {
    expect(said([5, 0, 5], [0, 1, 2], 'concat')).toEqual([]);
    expect(said([5, 5, 0], [0, 1, 2], 'concat')).toHaveLength(1);
  });
});
