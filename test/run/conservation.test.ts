import { expect, test } from 'vitest';
import { DocumentTable } from '../../src/core/document-table.ts';
import type { Segment } from '../../src/core/window.ts';
import { Conservation } from '../../src/run/conservation.ts';
import { documentChunks, readDocuments, type WindowRecord } from '../../src/shard/index.ts';

const tokenizer = { sha256: 't', vocabSize: 9, specialIds: { mask: 1, bos: null, eos: 2, pad: 2 } };

/** Documents of these tokens and parts, in one split. */
function tableOf(documents: readonly (readonly [tokens: number, parts: number])[]) {
  const table = new DocumentTable(['a']);
  for (const [record, [tokens, parts]] of documents.entries())
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
      hash: new Uint8Array(16),
    });
  return readDocuments(Buffer.concat(documentChunks(table, ['a'], { plan: 'p', policy: 'adaptive', tokenizer })));
}
/** A segment: [document, part, offset, length]. */
type Place = readonly [number, number, number, number];

function problems(documents: readonly (readonly [number, number])[], places: readonly Place[]): string[] {
  const tokens = documents.reduce((sum, [n]) => sum + n, 0);
  const ledger = {
    documents: { read: documents.length, packed: documents.length, dropped: {} },
    tokens: { read: tokens, inserted: 0, packed: tokens, dropped: {} },
    bytes: 0,
    rejected: {},
  };
  const rules = { windowLength: 10, method: 'best-fit', longDocuments: 'split', minSegment: 0, separator: 0 };
  const conservation = new Conservation({ ledger }, rules);
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
