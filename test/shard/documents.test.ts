import { tmpdir } from 'node:os';
import { expect, test } from 'vitest';
import type { NewDocument } from '../../src/core/document-rows.ts';
import { DocumentTable } from '../../src/core/document-table.ts';
import { withOverflow } from '../../src/io/overflow.ts';
import { documentChunks, readDocuments } from '../../src/shard/index.ts';
import { documentRows } from '../support/document-rows.ts';

const from = {
  plan: 'p',
  policy: 'eod',
  tokenizer: { sha256: 't', vocabSize: 9, specialIds: { mask: 1, bos: null, eos: 2, pad: 2 } },
};
const IDS = ['a', null, '', 'ä🚀'.repeat(40), null];
const document = (i: number): NewDocument => ({
  input: i % 3,
  record: i,
  start: 2 ** 40 + i,
  end: 2 ** 40 + i + 7,
  id: IDS[i % IDS.length]!,
  subset: i % 5 === 0 ? 'validation' : 'train',
  bytes: 2 ** 33 + i,
  tokens: i,
  parts: i % 4,
  copies: i % 6,
  dropped: ['', 'duplicate', 'filter: spam'][i % 3]!,
  group: BigInt(i % 4) - 2n,
  hash: new Uint8Array(32).fill(i % 251),
});

test.each([0, 1, 64, 65, 1000])('a table of %d documents comes back from its file as it was', (length) => {
  const table = new DocumentTable(['b', 'a', 'b']);
  for (let i = 0; i < length; i++) expect(table.add(document(i))).toBe(i);
  const stored = readDocuments(Buffer.concat([...documentChunks(table, ['a', 'b'], from)]));
  expect(stored.length).toBe(length);
  expect(stored.tokens()).toEqual(Float64Array.from({ length }, (_, i) => i));
  expect(stored.parts()).toEqual(Int32Array.from({ length }, (_, i) => i % 4));
  expect(stored.copies()).toEqual(Int32Array.from({ length }, (_, i) => i % 6));
  const rows = documentRows(table);
  for (let i = 0; i < length; i++) {
    expect(stored.dropped(i)).toBe(document(i).dropped);
    const expected = { ...document(i), source: ['b', 'a', 'b'][i % 3], hash: new Uint8Array(16).fill(i % 251) };
    expect(rows[i]).toEqual(expected);
    const { hash, ...row } = stored.row(i);
    expect({ ...row, hash: Uint8Array.from(hash) }).toEqual(expected);
    expect([stored.source(i), stored.subset(i)]).toEqual([expected.source, expected.subset]);
  }
});

test.each([false, true])(
  'a table of several record batches comes back as it was, outside of memory too: %s',
  (outside) =>
    withOverflow(tmpdir(), async (overflow) => {
      const length = 2 * 64 * 1024 + 5;
      const table = new DocumentTable(['b', 'a', 'b'], outside ? overflow : undefined);
      for (let i = 0; i < length; i++) table.add(document(i));
      const chunks = Array.from(documentChunks(table, ['a', 'b'], from), (chunk) => chunk.slice());
      const sizes = chunks.map((chunk) => chunk.length);
      expect(Math.max(...sizes) * 4).toBeLessThan(sizes.reduce((sum, size) => sum + size));
      const stored = readDocuments(Buffer.concat(chunks));
      expect(stored.length).toBe(length);
      expect(stored.tokens()).toEqual(Float64Array.from({ length }, (_, i) => i));
      expect(stored.copies()).toEqual(Int32Array.from({ length }, (_, i) => i % 6));
      const rows = documentRows(table);
      for (const i of [0, 1, 65_535, 65_536, 65_537, 131_071, 131_072, length - 1]) {
        const { hash, ...row } = stored.row(i);
        expect({ ...row, hash: Uint8Array.from(hash) }).toEqual(rows[i]);
        expect(row).toMatchObject({ id: document(i).id, start: 2 ** 40 + i, group: document(i).group });
      }
    }),
);

test('a column that is missing is an error, not an empty corpus', () => {
  const table = new DocumentTable(['a']);
  table.add({ ...document(0), input: 0 });
  const bytes = Buffer.concat([...documentChunks(table, ['a'], from)]);
  for (let at = bytes.indexOf('tokens'); at >= 0; at = bytes.indexOf('tokens', at)) bytes.write('tokenz', at);
  expect(() => readDocuments(bytes).tokens()).toThrow('no column tokens');
});
