import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { commitFile, commitNew, commitStream } from '../../src/io/commit.ts';
import { type FileSystem, nodeFileSystem, type OpenFile } from '../../src/io/file-system.ts';
import { isTemporary, sweepTemporaries, temporaryName } from '../../src/io/temporary.ts';
import { codeOf, folder } from '../read/fixture.ts';

const dir = folder();
let number = 0;
const fresh = (): string => {
  const path = join(dir, `case-${number++}`);
  mkdirSync(path);
  return path;
};
const failing = (code: string): Error => Object.assign(new Error(`${code}: injected`), { code });

/** The node file system with some calls of the open file changed, and a log of all calls. */
function rigged(change: Partial<OpenFile> & Partial<Omit<FileSystem, 'create'>>, log: string[] = []): FileSystem {
  const { write, sync, size, close, ...system } = change;
  const base: FileSystem = { ...nodeFileSystem, ...system };
  return {
    ...base,
    rename: (from, to) => (log.push('rename'), base.rename(from, to)),
    syncFolder: (path) => (log.push('sync folder'), base.syncFolder(path)),
    async create(path) {
      const file = await nodeFileSystem.create(path);
      return {
        write: (bytes) => (log.push('write'), write === undefined ? file.write(bytes) : write(bytes)),
        sync: () => (log.push('sync'), sync === undefined ? file.sync() : sync()),
        size: () => (log.push('size'), size === undefined ? file.size() : size()),
        close: () => (log.push('close'), close === undefined ? file.close() : close()),
      };
    },
  };
}

test('a commit writes, tells size and hash, makes folders and keeps the order of the rule', async () => {
  const path = join(fresh(), 'a', 'b', 'shard');
  const log: string[] = [];
  const sha256 = createHash('sha256').update('héllo').digest('hex');
  expect(await commitFile(path, 'héllo', rigged({}, log))).toEqual({ bytes: 6, sha256 });
  expect(readFileSync(path, 'utf8')).toBe('héllo');
  expect(log).toEqual(['write', 'sync', 'size', 'close', 'rename', 'sync folder']);
  expect(readdirSync(join(path, '..'))).toEqual(['shard']);
});

test('a stream is seen only after the rename; the sink knows its position', async () => {
  const path = join(fresh(), 'shard');
  writeFileSync(path, 'old');
  const positions: number[] = [];
  await commitStream(path, async (sink) => {
    for (const part of ['one', '', 'two!']) {
      positions.push(sink.position);
      await sink.write(Buffer.from(part));
      expect(readFileSync(path, 'utf8')).toBe('old');
    }
  });
  expect(positions).toEqual([0, 3, 3]);
  expect(readFileSync(path, 'utf8')).toBe('onetwo!');
});

test('short writes are looped', async () => {
  const path = join(fresh(), 'shard');
  const base: FileSystem = {
    ...nodeFileSystem,
    async create(name) {
      const file = await nodeFileSystem.create(name);
      return { ...file, write: (bytes) => file.write(bytes.subarray(0, 3)) };
    },
  };
  const { bytes, sha256 } = await commitFile(path, '0123456789', base);
  expect(readFileSync(path, 'utf8')).toBe('0123456789');
  expect([bytes, sha256]).toEqual([10, createHash('sha256').update('0123456789').digest('hex')]);
});

test.each([
  ['a full disk while writing', { write: () => Promise.reject(failing('ENOSPC')) }, 'DISK_FULL'],
  ['a full quota while syncing', { sync: () => Promise.reject(failing('EDQUOT')) }, 'DISK_FULL'],
  ['a broken disk while syncing', { sync: () => Promise.reject(failing('EIO')) }, 'IO_FAILED'],
  ['another size on disk', { size: () => Promise.resolve(4) }, 'IO_FAILED'],
  ['a disk that takes nothing', { write: () => Promise.resolve(0) }, 'IO_FAILED'],
  ['a full disk at close', { close: () => Promise.reject(failing('ENOSPC')) }, 'DISK_FULL'],
  ['a rename that fails', { rename: () => Promise.reject(failing('EACCES')) }, 'IO_FAILED'],
] as const)('%s: coded, nothing left behind, the old file as it was', async (_, change, code) => {
  const path = join(fresh(), 'shard');
  writeFileSync(path, 'old');
  expect(await codeOf(commitFile(path, 'hello', rigged(change)))).toBe(code);
  expect(readdirSync(join(path, '..'))).toEqual(['shard']);
  expect(readFileSync(path, 'utf8')).toBe('old');
});

test("the callback's own error passes unchanged, and its temporary goes", async () => {
  const path = join(fresh(), 'shard');
  const bug = new TypeError('a bug');
  const commit = commitStream(path, async (sink) => {
    await sink.write(Buffer.from('half'));
    throw bug;
  });
  await expect(commit).rejects.toBe(bug);
  expect(readdirSync(join(path, '..'))).toEqual([]);
});

test('many commits of one name at once: one whole file is left', async () => {
  const path = join(fresh(), 'shard');
  await Promise.all(Array.from({ length: 20 }, () => commitFile(path, 'same')));
  expect(readdirSync(join(path, '..'))).toEqual(['shard']);
  expect(readFileSync(path, 'utf8')).toBe('same');
});

test('a sweep takes what the dead of this host left, and nothing else', async () => {
  const at = fresh();
  const [, host] = /^\.tmp-([0-9a-f]+)-/.exec(temporaryName('x'))!;
  const dead = `.tmp-${host}-99999999-0.0-x`;
  const predecessor = `.tmp-${host}-${process.pid}-0.999-x`;
  const stay = [
    temporaryName('mine'),
    `.tmp-${host}-${process.ppid}-0.0-x`,
    '.tmp-000000000000-99999999-0.0-x',
    'x',
    '.tmp-x',
  ];
  for (const name of [dead, predecessor, ...stay]) writeFileSync(join(at, name), '');
  utimesSync(join(at, predecessor), 1, 1);
  expect(await sweepTemporaries(at)).toBe(2);
  expect(readdirSync(at).sort()).toEqual([...stay].sort());
  expect([dead, 'x'].map(isTemporary)).toEqual([true, false]);
  expect(await sweepTemporaries(join(at, 'missing'))).toBe(0);
  expect(existsSync(join(at, 'missing'))).toBe(false);
});

test('of two new files of one name at once the first stays, and one is told so', async () => {
  const path = join(fresh(), 'plan');
  const told = await Promise.all(['one', 'two'].map((text) => commitNew(path, text)));
  expect(new Set(told)).toEqual(new Set([false, true]));
  const first = readFileSync(path, 'utf8');
  expect(await commitNew(path, 'three')).toBe(false);
  expect(readFileSync(path, 'utf8')).toBe(first);
  expect(readdirSync(join(path, '..'))).toEqual(['plan']);
});

test('without links a new file is committed by its rename', async () => {
  const path = join(fresh(), 'plan');
  const refusing = rigged({ link: () => Promise.reject(failing('EPERM')) });
  expect(await commitNew(path, 'one', refusing)).toBe(true);
  expect(readFileSync(path, 'utf8')).toBe('one');
});
