/** The import table of architecture.md: who may import whom. */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { expect, test } from 'vitest';
import { ROOT } from '../support/prep.ts';
import { importsOf } from './imports.ts';

/** Folder of src/ to the folders it may import; itself always. `cli` may import all. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  core: [],
  io: ['core'],
  read: ['core', 'io'],
  tokenize: ['core'],
  pack: ['core'],
  mix: ['core'],
  mask: ['core'],
  noise: ['core'],
  shard: ['core', 'io'],
  config: ['core', 'io'],
  run: ['core', 'io', 'config', 'read', 'tokenize', 'pack', 'mix', 'mask', 'noise', 'shard'],
  train: ['core', 'io', 'shard', 'mask', 'noise', 'tokenize'],
  view: ['core', 'io', 'shard', 'mask', 'noise', 'tokenize'],
};
/** Only their index file is for others. */
const BY_INDEX = new Set([
  'read',
  'tokenize',
  'pack',
  'mix',
  'mask',
  'noise',
  'shard',
  'config',
  'run',
  'train',
  'view',
]);

interface Import {
  readonly from: string;
  readonly specifier: string;
}

const files = readdirSync(join(ROOT, 'src'), { recursive: true, encoding: 'utf8' })
  .map((name) => name.replaceAll('\\', '/'))
  .filter((name) => name.endsWith('.ts'))
  .sort();
const imports: Import[] = files.flatMap((from) =>
  importsOf(readFileSync(join(ROOT, 'src', from), 'utf8')).map((specifier) => ({ from, specifier })),
);
const folderOf = (path: string): string => (path.includes('/') ? path.slice(0, path.indexOf('/')) : '');
const own = imports
  .filter(({ specifier }) => specifier.startsWith('.'))
  .map(({ from, specifier }) => ({ from, to: posix.join(posix.dirname(from), specifier) }))
  .filter(({ from, to }) => folderOf(from) !== folderOf(to));
const shown = ({ from, to }: { from: string; to: string }): string => `${from} -> ${to}`;

test('imports are found in all their forms', () => {
  const source = [
    "import 'a';",
    "import b from 'b';",
    "import { c,\n  type C } from 'c';",
    "export * from 'd';",
    "export type { E } from 'e';",
    "const f = await import('f');",
    "import * as g from 'g';",
    "export const text = 'not from this';",
  ];
  expect(importsOf(source.join('\n'))).toEqual(['a', 'b', 'c', 'd', 'e', 'f', 'g']);
  expect(imports.length).toBeGreaterThan(200);
  expect(own.length).toBeGreaterThan(100);
});

test('every folder under src/ is in the table', () => {
  const folders = new Set(files.map(folderOf).filter((folder) => folder !== '' && folder !== 'cli'));
  expect([...folders].filter((folder) => !(folder in ALLOWED))).toEqual([]);
});

test('folders import only what the table allows', () => {
  const refused = own.filter(
    ({ from, to }) => ALLOWED[folderOf(from)] && !ALLOWED[folderOf(from)]!.includes(folderOf(to)),
  );
  expect(refused.map(shown)).toEqual([]);
});

test('stages are reached by their index file', () => {
  const inside = own.filter(({ to }) => BY_INDEX.has(folderOf(to)) && to !== `${folderOf(to)}/index.ts`);
  expect(inside.map(shown)).toEqual([]);
});

test('core imports no node module and one package; only io touches the file system', () => {
  const outside = imports.filter(({ specifier }) => !specifier.startsWith('.'));
  const ofCore = outside.filter(
    ({ from, specifier }) => folderOf(from) === 'core' && !specifier.startsWith('@noble/hashes/'),
  );
  expect(ofCore).toEqual([]);
  const ofFiles = outside.filter(
    ({ from, specifier }) => /^(node:)?fs(\/|$)/.test(specifier) && folderOf(from) !== 'io',
  );
  expect(ofFiles).toEqual([]);
  const withoutPrefix = outside.filter(({ specifier }) =>
    /^(fs|path|os|url|crypto|zlib|worker_threads)(\/|$)/.test(specifier),
  );
  expect(withoutPrefix).toEqual([]);
});
