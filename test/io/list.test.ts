import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { listInputs, relativeName } from '../../src/io/list.ts';
import { codeOf, folder } from '../read/fixture.ts';

const dir = folder();
const base = join(dir, 'base');
for (const name of ['base/b/sub', 'base/b/.hidden', 'base/empty', 'elsewhere'])
  mkdirSync(join(dir, name), { recursive: true });
const FILES = [
  'a.jsonl',
  'Z.txt',
  'b/c.jsonl.gz',
  'b/readme.rst',
  'b/sub/d.parquet',
  'b/.hidden/e.txt',
  'b/.f.txt',
  'x[1].json',
  'only.csv',
];
for (const name of FILES) writeFileSync(join(base, name), name);
writeFileSync(join(dir, 'elsewhere', 'out.txt'), '');
symlinkSync(join(base, 'a.jsonl'), join(base, 'b', 'link.jsonl'));
symlinkSync(join(base, 'b'), join(base, 'b', 'sub', 'loop'));

const names = async (...patterns: string[]): Promise<string[]> =>
  (await listInputs(patterns, base)).map(({ path }) => relativeName(base, path));

test('files, folders and globs, in code unit order, each real file once', async () => {
  expect(await names('a.jsonl')).toEqual(['a.jsonl']);
  expect(await names('b')).toEqual(['b/c.jsonl.gz', 'b/link.jsonl', 'b/sub/d.parquet']);
  expect(await names('.')).toEqual(['Z.txt', 'a.jsonl', 'b/c.jsonl.gz', 'b/sub/d.parquet', 'x[1].json']);
  expect(await names('a.jsonl', './b', 'Z.txt', join(base, 'a.jsonl'))).toEqual(await names('b', 'Z.txt', 'a.jsonl'));
  expect(await names('**/*.jsonl*')).toEqual(['a.jsonl', 'b/c.jsonl.gz']);
  expect(await names('*')).toEqual(['Z.txt', 'a.jsonl', 'x[1].json']);
  expect(await names('*.{txt,parquet}', 'b/*/*.parquet')).toEqual(['Z.txt', 'b/sub/d.parquet']);
  expect(await names('../elsewhere')).toEqual(['../elsewhere/out.txt']);
  expect(await names(join(dir, 'elsewhere', '*.txt'))).toEqual(['../elsewhere/out.txt']);
});

test('a name with glob characters is itself first', async () => {
  expect(await names('x[1].json')).toEqual(['x[1].json']);
});

test('what matches nothing, and what is of no known format, is coded', async () => {
  for (const pattern of ['missing.jsonl', 'empty', '*.parquet', 'b/sub/../nothing/**'])
    expect(await codeOf(names('a.jsonl', pattern)), pattern).toBe('INPUT_NOT_FOUND');
  for (const pattern of ['b/readme.rst', '*.csv'])
    expect(await codeOf(names(pattern)), pattern).toBe('INPUT_UNKNOWN_FORMAT');
});

const nested = join(dir, 'g');
for (const name of ['a', 'b', 'b/deep', 'c[1]']) mkdirSync(join(nested, name), { recursive: true });
for (const name of ['a', 'b', 'b/deep', 'c[1]']) writeFileSync(join(nested, name, 'x.jsonl'), name);
const from = async (cwd: string, ...patterns: string[]): Promise<string[]> =>
  (await listInputs(patterns, cwd)).map(({ path }) => relativeName(nested, path));

test('a pattern that covers the working folder loses none of its files, and the order is the same from anywhere', async () => {
  const wide = ['a/x.jsonl', 'b/x.jsonl', 'c[1]/x.jsonl'];
  const all = ['a/x.jsonl', 'b/deep/x.jsonl', 'b/x.jsonl', 'c[1]/x.jsonl'];
  for (const cwd of [nested, join(nested, 'b'), join(nested, 'b/deep'), join(nested, 'a'), dir]) {
    expect(await from(cwd, join(nested, '*/x.jsonl')), cwd).toEqual(wide);
    expect(await from(cwd, join(nested, '**/x.jsonl')), cwd).toEqual(all);
    expect(await from(cwd, nested), cwd).toEqual(all);
    expect(await from(cwd, join(nested, 'c[1]/*.jsonl')), cwd).toEqual(['c[1]/x.jsonl']);
    expect(await from(cwd, join(nested, 'c\\[1\\]/*.jsonl')), cwd).toEqual(['c[1]/x.jsonl']);
    expect(await from(cwd, join(nested, 'b/x.jsonl'), join(nested, 'a')), cwd).toEqual(['a/x.jsonl', 'b/x.jsonl']);
  }
  expect(await from(join(nested, 'b'), '../*/x.jsonl')).toEqual(wide);
  expect(await from(join(nested, 'b'), '../{a,b}/x.jsonl', '*/x.jsonl')).toEqual(all.slice(0, 3));
});

test('an entry of a folder that leads nowhere is named, and not passed over', async () => {
  const broken = join(dir, 'broken');
  mkdirSync(broken);
  writeFileSync(join(broken, 'a.jsonl'), '');
  symlinkSync(join(dir, 'gone.jsonl'), join(broken, 'b.jsonl'));
  await expect(listInputs(['broken'], dir)).rejects.toMatchObject({
    code: 'INPUT_NOT_FOUND',
    details: { path: join(broken, 'b.jsonl') },
  });
  const around = join(dir, 'around');
  mkdirSync(around);
  symlinkSync('self', join(around, 'self'));
  expect(await codeOf(listInputs(['around'], dir))).toBe('INPUT_NOT_FOUND');
});

test('folders are passed over as the caller says, but not one that was named', async () => {
  const skip = (folder: string) => Promise.resolve(folder.endsWith('/b'));
  const paths = async (pattern: string) =>
    (await listInputs([pattern], nested, skip)).map(({ path }) => relativeName(nested, path));
  expect(await paths('.')).toEqual(['a/x.jsonl', 'c[1]/x.jsonl']);
  expect(await paths('**/*.jsonl')).toEqual(['a/x.jsonl', 'c[1]/x.jsonl']);
  expect(await paths('b')).toEqual(['b/deep/x.jsonl', 'b/x.jsonl']);
  expect(await paths('*/x.jsonl')).toEqual(['a/x.jsonl', 'b/x.jsonl', 'c[1]/x.jsonl']);
});
