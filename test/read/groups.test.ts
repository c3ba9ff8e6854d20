import { createHash } from 'node:crypto';
import { tableFromArrays, tableToIPC } from 'apache-arrow';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { expect, test } from 'vitest';
import { codeOf, folder, readOne } from './fixture.ts';

const dir = folder();
const REPOS = ['left-pad', 'böö', '', null, 'left-pad'];
const RECORDS = REPOS.map((repo, i) => ({ id: `d${i}`, text: `text ${i}`, meta: { repo } }));

/** docs/format.md: the first 8 bytes of the SHA-256, as a little-endian int64. */
const keyOf = (repo: string | null): bigint =>
  repo ? createHash('sha256').update(repo).digest().readBigInt64LE() : 0n;
const options = { groupField: 'meta.repo' };

test.each([
  ['a.jsonl', RECORDS.map((record) => `${JSON.stringify(record)}\n`).join('')],
  ['a.json', JSON.stringify(RECORDS)],
])('%s: documents have the key of their group, and those without a value none', async (name, content) => {
  const { documents, texts } = await readOne(dir, name, content, options);
  expect(texts).toEqual(RECORDS.map(({ text }) => text));
  expect(documents.map(({ group }) => group)).toEqual(REPOS.map(keyOf));
  expect(documents.map(({ id }) => id)).toEqual(RECORDS.map(({ id }) => id));
});

const FLAT = { id: ['a', 'b', 'c'], text: ['one', 'zwei äöü', 'three'], repo: ['x', 'y', 'x'] };
test('Parquet and Arrow: a column of texts, or of numbers', async () => {
  const column = (name: keyof typeof FLAT) => ({ name, data: FLAT[name], type: 'STRING' as const });
  const parquet = parquetWriteBuffer({ columnData: [column('id'), column('text'), column('repo')] });
  const arrow = tableToIPC(tableFromArrays({ ...FLAT, number: Int32Array.of(7, 8, 7) }), 'file');
  for (const [name, content] of [
    ['a.parquet', Buffer.from(parquet)],
    ['a.arrow', Buffer.from(arrow)],
  ] as const) {
    const { documents, texts } = await readOne(dir, name, content, { groupField: 'repo' });
    expect(texts, name).toEqual(FLAT.text);
    expect(documents.map(({ group }) => group)).toEqual(FLAT.repo.map(keyOf));
    expect((await readOne(dir, name, content)).documents.map(({ group }) => group)).toEqual([0n, 0n, 0n]);
    expect(await codeOf(readOne(dir, name, content, { groupField: 'nowhere' }))).toBe('INPUT_MALFORMED');
  }
  const { documents } = await readOne(dir, 'b.arrow', Buffer.from(arrow), { groupField: 'number' });
  expect(documents.map(({ group }) => group)).toEqual(['7', '8', '7'].map(keyOf));
});
