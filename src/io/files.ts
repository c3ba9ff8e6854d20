import type { Stats } from 'node:fs';
import { lstat, mkdir, open, readdir, realpath, rm, rmdir, stat as nodeStat, unlink } from 'node:fs/promises';
import { seldom } from '../core/blocks.ts';
import { ioFailed } from '../core/errors.ts';
import { codeOf, coded, failure } from './failure.ts';
import { nodeFileSystem } from './file-system.ts';

/** What is under a name. */
export interface Found {
  readonly kind: 'file' | 'folder' | 'other';
  readonly size: number;
  /** Milliseconds since 1970: for early warnings only, never part of an identity. */
  readonly modified: number;
}

/** A file open for reading. */
export interface ReadHandle {
  readonly path: string;
  readonly size: number;
  /** Exactly `length` bytes from `position`, in memory of their own or at the start of `into`; a file that ends before is IO_FAILED. */
  read<B extends ArrayBufferLike = ArrayBuffer>(
    position: number,
    length: number,
    into?: Uint8Array<B>,
  ): Promise<Uint8Array<B>>;
  close(): Promise<void>;
}

/** One read call takes at most this: Node refuses 2 GiB and more. */
const LARGEST_READ = 1024 * 1024 * 1024;

/** What is there, links followed; undefined when nothing is. */
export async function stat(path: string): Promise<Found | undefined> {
  try {
    return foundIn(await nodeStat(path));
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw failure(path, 'looking at it', error);
  }
}

export const foundIn = (stats: Stats): Found => ({
  kind: stats.isFile() ? 'file' : stats.isDirectory() ? 'folder' : 'other',
  size: stats.size,
  modified: stats.mtimeMs,
});

export const exists = async (path: string): Promise<boolean> => (await stat(path)) !== undefined;

export async function openForRead(path: string): Promise<ReadHandle> {
  const file = await coded(path, 'opening', () => open(path, 'r'));
  const close = (): Promise<void> => file.close();
  const size = await coded(path, 'opening', async () => {
    const found = await file.stat();
    if (!found.isFile()) throw new Error('it is not a file');
    return found.size;
  }).catch(async (error: unknown) => {
    await close();
    throw error;
  });
  return {
    path,
    size,
    close,
    read: <B extends ArrayBufferLike>(position: number, length: number, into?: Uint8Array<B>) =>
      coded(path, 'reading', async () => {
        // Before the memory is asked for: a length from a damaged file may be anything.
        if (position < 0 || length < 0 || position + length > size)
          throw new Error(`bytes ${position} to ${position + length} of ${size} do not exist`);
        const bytes = into?.subarray(0, length) ?? (new Uint8Array(length) as Uint8Array<B>);
        for (let done = 0; done < length;) {
          const want = Math.min(length - done, LARGEST_READ);
          const { bytesRead } = await file.read(bytes, done, want, position + done);
          if (bytesRead === 0) throw new Error(`it ends at byte ${position + done} now`);
          done += bytesRead;
        }
        return bytes;
      }),
  };
}

/** Makes the names in a folder last. */
export const syncFolder = (path: string): Promise<void> =>
  coded(path, 'syncing', () => nodeFileSystem.syncFolder(path));

/** Bytes [start, end) of a file. */
export async function readRange(path: string, start: number, end: number): Promise<Uint8Array<ArrayBuffer>> {
  const file = await openForRead(path);
  try {
    return await file.read(start, end - start);
  } finally {
    await file.close();
  }
}

/** A whole file of at most `limit` bytes. */
export async function readAll(path: string, limit: number): Promise<Uint8Array<ArrayBuffer>> {
  const file = await openForRead(path);
  try {
    if (file.size > limit)
      throw ioFailed(path, 'reading', new Error(`${file.size} bytes, more than the ${limit} allowed`));
    return await file.read(0, file.size, seldom(file.size));
  } finally {
    await file.close();
  }
}

/** Names in a folder, in code unit order; a folder that is not there has none, also where it went a moment ago. */
export const listFolder = (path: string): Promise<string[]> =>
  coded(path, 'listing', async () => ((await readdir(path).catch(ignoring('ENOENT'))) ?? []).sort());

/** Names in a folder, in code unit order, and what stands under each, a link not followed. */
export const listEntries = (path: string): Promise<{ name: string; kind: Kind }[]> =>
  coded(path, 'listing', async () => {
    const entries = await readdir(path, { withFileTypes: true });
    return entries.map((entry) => ({ name: entry.name, kind: kindIn(entry) })).sort(byName);
  });
const byName = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

export type Kind = 'file' | 'folder' | 'link' | 'other';
const kindIn = (found: Pick<Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): Kind =>
  found.isFile() ? 'file' : found.isDirectory() ? 'folder' : found.isSymbolicLink() ? 'link' : 'other';

/** The one true path of what may be reached by several. */
export const realPath = (path: string): Promise<string> => coded(path, 'resolving', () => realpath(path));

/** Makes a folder and those above it; one that is there is fine. */
export const makeFolder = (path: string): Promise<void> =>
  coded(path, 'making', async () => void (await mkdir(path, { recursive: true })));

/** Removes a file, or a folder and all in it; nothing there is fine. */
export const remove = (path: string): Promise<void> =>
  coded(path, 'removing', () => rm(path, { recursive: true, force: true }));

/** Removes one file and never what is below a folder: for names that a file gave us. Nothing there is fine. */
export const removeFile = (path: string): Promise<void> =>
  coded(path, 'removing', () => unlink(path).catch(ignoring('ENOENT')));

/** Removes a folder that is empty; one that is not, or is none, stays. */
export const removeEmptyFolder = (path: string): Promise<void> =>
  coded(path, 'removing', () => rmdir(path).catch(ignoring('ENOENT', 'ENOTEMPTY', 'EEXIST', 'ENOTDIR')));

const ignoring =
  (...codes: readonly string[]) =>
  (error: unknown): void => {
    if (!codes.includes(codeOf(error) ?? '')) throw error;
  };

/** What stands under a name itself, a link not followed: undefined when nothing does. */
export async function kindOf(path: string): Promise<Kind | undefined> {
  const found = await coded(path, 'looking at it', () =>
    lstat(path).catch((error: unknown) => {
      ignoring('ENOENT', 'ENOTDIR')(error);
      return undefined;
    }),
  );
  return found && kindIn(found);
}
