/** What holds for every form: the same bytes, the whole export or none, and nobody else's folder is touched. */
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { isPrepError } from '../../../src/core/errors.ts';
import { type FileSystem, nodeFileSystem } from '../../../src/io/file-system.ts';
import {
  EXPORT_TARGETS,
  exportCorpus,
  type ExportManifest,
  type ExportOptions,
  type ExportTarget,
  OPTIONAL_COLUMNS,
} from '../../../src/shard/index.ts';
import { contents, temporaryFolder } from '../../support/folders.ts';
import { writeWindows } from '../../support/windows.ts';

const dir = temporaryFolder();
const corpus = join(dir, 'corpus');
const path = (...names: string[]) => join(dir, ...names);

beforeAll(() =>
  writeWindows(corpus, {
    windowLength: 128,
    splits: [
      { train: 30, validation: 2 },
      { train: 11, validation: 1 },
    ],
  }),
);

const exported = (to: ExportTarget, out: string, options: Partial<ExportOptions> = {}): Promise<ExportManifest> =>
  exportCorpus(corpus, {
    to,
    out: path(out),
    subset: 'train',
    order: 'file',
    columns: [],
    compression: 'snappy',
    fileBytes: 4096,
    overwrite: false,
    ...options,
  });
/** The code that an export ends with. */
async function failed(run: Promise<unknown>): Promise<string> {
  try {
    await run;
    return 'none';
  } catch (error) {
    if (!isPrepError(error)) throw error;
    return error.code;
  }
}

test.each(EXPORT_TARGETS)('%s: the same bytes again, other bytes for other options, each file listed', async (to) => {
  const made = await exported(to, `${to}-a`);
  await exported(to, `${to}-b`);
  expect(contents(path(`${to}-b`))).toEqual(contents(path(`${to}-a`)));
  const { 'export.json': manifest, ...files } = contents(path(`${to}-a`));
  expect(manifest).toBeDefined();
  expect(Object.fromEntries(made.files.map(({ path, sha256 }) => [path, sha256]))).toEqual(files);
  expect(JSON.parse(readFileSync(path(`${to}-a`, 'export.json'), 'utf8'))).toEqual(made);
  await exported(to, `${to}-c`, { order: { epoch: 0 } });
  await exported(to, `${to}-d`, { columns: OPTIONAL_COLUMNS });
  const ids = (out: string) => JSON.stringify(contents(path(out)));
  expect(new Set(['a', 'c', 'd'].map((end) => ids(`${to}-${end}`))).size).toBe(3);
});

test('what is there is refused; an export of ours gives way, a stranger in it does not', async () => {
  const out = 'there';
  expect(await failed(exported('npy', out))).toBe('none');
  const first = contents(path(out));
  expect(await failed(exported('hf', out))).toBe('OUTPUT_EXISTS');
  expect(contents(path(out))).toEqual(first);
  await exported('hf', out, { overwrite: true });
  expect(contents(path(out))).not.toEqual(first);
  writeFileSync(path(out, 'notes.txt'), 'precious');
  const second = contents(path(out));
  expect(await failed(exported('npy', out, { overwrite: true }))).toBe('OUTPUT_EXISTS');
  expect(contents(path(out))).toEqual(second);
});

test.each([
  ['a file', () => writeFileSync(path('x'), 'precious')],
  ['a link', () => symlinkSync(corpus, path('x'))],
  ['a corpus', () => cpSync(corpus, path('x'), { recursive: true })],
  ['a folder of somebody', () => (mkdirSync(path('x')), writeFileSync(path('x/a'), 'precious'))],
  ['another export.json', () => (mkdirSync(path('x')), writeFileSync(path('x/export.json'), '{"files":[]}'))],
])('%s is never replaced', async (_, make) => {
  rmSync(path('x'), { recursive: true, force: true });
  make();
  expect(await failed(exported('npy', 'x', { overwrite: true }))).toBe('OUTPUT_EXISTS');
  expect(existsSync(path('x', 'input_ids.npy'))).toBe(false);
});

test('an empty folder is filled', async () => {
  mkdirSync(path('empty'));
  expect((await exported('npy', 'empty')).windows).toBe(41);
});

/** Counts what is asked of the disk, and has call k fail with ENOSPC. Nothing is synced: that is most of the time. */
function faulty(k: number) {
  let calls = 0;
  const count =
    <A extends unknown[], R>(call: (...given: A) => Promise<R>) =>
    async (...given: A): Promise<R> => {
      if (++calls === k) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
      return call(...given);
    };
  const fs: FileSystem = {
    create: count(async (name) => {
      const file = await nodeFileSystem.create(name);
      return { ...file, write: count(file.write), sync: count(async () => {}) };
    }),
    rename: count(nodeFileSystem.rename),
    link: count(nodeFileSystem.link),
    unlink: nodeFileSystem.unlink,
    syncFolder: async () => {},
    makeFolder: count(nodeFileSystem.makeFolder),
  };
  return { fs, calls: () => calls };
}

test.each(EXPORT_TARGETS)('%s: a full disk at any call leaves nothing, and what was there before', async (to) => {
  const fileBytes = 16_384;
  const whole = faulty(0);
  await exported(to, `${to}-full`, { fs: whole.fs, fileBytes });
  const before = contents(path(`${to}-full`));
  const calls = whole.calls();
  expect(calls).toBeGreaterThan(10);
  mkdirSync(path(to), { recursive: true });
  // All calls of the short runs; of the others some in between, and the last.
  const points = Array.from({ length: calls }, (_, i) => i + 1).filter(
    (k) => calls <= 60 || k > calls - 20 || k % Math.ceil(calls / 30) === 1,
  );
  for (const k of points) {
    expect(await failed(exported(to, `${to}/out`, { fs: faulty(k).fs, fileBytes })), `call ${k}`).toBe('DISK_FULL');
    expect(readdirSync(path(to)), `call ${k}`).toEqual([]);
  }
  // Over an earlier export: up to the last renaming it stays as it is.
  for (const k of points.filter((_, i) => i % 7 === 0)) {
    const over = exported(to, `${to}-full`, { fs: faulty(k).fs, fileBytes, overwrite: true });
    expect(await failed(over), `call ${k}`).toBe('DISK_FULL');
    expect(contents(path(`${to}-full`)), `call ${k}`).toEqual(before);
  }
});

test('stopped: coded, and nothing is left', async () => {
  const controller = new AbortController();
  mkdirSync(path('stop'));
  const run = exportCorpus(
    corpus,
    {
      to: 'npy',
      out: path('stop/out'),
      subset: 'train',
      order: 'file',
      columns: [],
      compression: 'snappy',
      fileBytes: 4096,
      overwrite: false,
      signal: controller.signal,
    },
    (done) => done > 10 && controller.abort(),
  );
  expect(await failed(run)).toBe('INTERRUPTED');
  expect(readdirSync(path('stop'))).toEqual([]);
});

test('what a killed export left is removed by the next one to that folder, and nobody else’s', async () => {
  await exported('npy', 'killed/out');
  const [host] = /[0-9a-f]{12}/.exec(await temporaryNameNow()) ?? [];
  const left = path('killed', `.tmp-${host}-999999-0.1-out`);
  const others = [path('killed', `.tmp-000000000000-999999-0.1-out`), path('killed', `.tmp-${host}-999999-0.1-other`)];
  for (const folder of [left, ...others]) mkdirSync(join(folder, 'deep'), { recursive: true });
  await exported('npy', 'killed/out', { overwrite: true });
  expect([left, ...others].map((folder) => existsSync(folder))).toEqual([false, true, true]);
});
const temporaryNameNow = async () => (await import('../../../src/io/temporary.ts')).temporaryName('x');

test('a damaged shard or mask is CORPUS_CORRUPT, whatever is exported from it', async () => {
  const broken = path('broken');
  for (const name of ['shards/00005-00000.arrow', 'masks/adaptive/00000-00000.arrow']) {
    cpSync(corpus, broken, { recursive: true });
    const bytes = readFileSync(join(broken, name));
    bytes[bytes.length >> 1]! ^= 1;
    writeFileSync(join(broken, name), bytes);
    const run = exportCorpus(broken, {
      to: 'npy',
      out: path('from-broken'),
      subset: 'train',
      order: 'file',
      columns: [],
      compression: 'snappy',
      overwrite: false,
    });
    expect(await failed(run), name).toBe('CORPUS_CORRUPT');
    expect(existsSync(path('from-broken'))).toBe(false);
    await rename(broken, `${broken}-${name.length}`);
  }
});

test('a subset without windows is CORPUS_EMPTY', async () => {
  const only = path('only');
  await writeWindows(only, { windowLength: 128, splits: [{ train: 2, validation: 0 }] });
  const options = {
    to: 'npy',
    out: path('none'),
    subset: 'validation',
    order: 'file',
    columns: [],
    overwrite: false,
  } as const;
  expect(await failed(exportCorpus(only, { ...options, compression: 'none' }))).toBe('CORPUS_EMPTY');
});

test('no export in a corpus folder, its own or another, by any way to it: OUTPUT_EXISTS, and nothing is written', async () => {
  mkdirSync(path('planned/inner'), { recursive: true });
  writeFileSync(path('planned/plan.json'), '{"format":"ultraprep/1"}');
  symlinkSync(path('corpus/shards'), path('way-in'));
  const before = contents(corpus);
  for (const out of ['corpus', 'corpus/exported', 'corpus/shards/a/b', 'planned/inner', 'planned/x', 'way-in/x'])
    for (const overwrite of [false, true])
      await expect(exported('npy', out, { overwrite })).rejects.toMatchObject({
        code: 'OUTPUT_EXISTS',
        message: expect.stringMatching(/ is part of the corpus folder .*(corpus|planned); give an --out/) as string,
      });
  expect(contents(corpus)).toEqual(before);
  expect(readdirSync(path('planned/inner'))).toEqual([]);
  // A plan.json may be somebody else's.
  mkdirSync(path('theirs'));
  writeFileSync(path('theirs/plan.json'), '{"format":"other"}');
  await exported('npy', 'theirs/x');
  expect(existsSync(path('theirs/x/export.json'))).toBe(true);
});
