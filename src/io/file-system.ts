import { link, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from './failure.ts';

/** A file being written. */
export interface OpenFile {
  /** Appends; returns how many bytes it took, which may be fewer than given. */
  write(bytes: Uint8Array): Promise<number>;
  sync(): Promise<void>;
  /** Size on disk, asked of the file system and not of our own count. */
  size(): Promise<number>;
  close(): Promise<void>;
}

/** All that committing a file asks of the disk: tests put faults here (a full disk, a torn write, a kill at call k). */
export interface FileSystem {
  /** Creates a new file; EEXIST when the name is taken. */
  create(path: string): Promise<OpenFile>;
  rename(from: string, to: string): Promise<void>;
  /** Gives a file a second name; EEXIST when that is taken. */
  link(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
  /** Makes renames and new names in a folder survive a power loss. */
  syncFolder(path: string): Promise<void>;
  /** Makes a folder and those above it, durably. */
  makeFolder(path: string): Promise<void>;
}

async function create(path: string): Promise<OpenFile> {
  const file = await open(path, 'wx');
  return {
    write: async (bytes) => (await file.write(bytes)).bytesWritten,
    sync: () => file.sync(),
    size: async () => (await file.stat()).size,
    close: () => file.close(),
  };
}

async function syncFolder(path: string): Promise<void> {
  // Windows cannot open a folder for this, and its file system journals renames by itself.
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

/** Folders that this thread knows to be durable. */
const durable = new Set<string>();

async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  const made = (folder: string): boolean => first !== undefined && folder.length >= first.length;
  const synced: string[] = [];
  // Each folder is a name in the one above it. One that was there before may be another thread's, made a moment ago and not synced
  // yet: what is committed in it meanwhile would go with it. So all of them, once.
  for (
    let folder = path;
    folder !== dirname(folder) && (made(folder) || !durable.has(folder));
    folder = dirname(folder)
  ) {
    await syncFolder(dirname(folder)).catch((error: unknown) => {
      // Far above there are folders that nobody lets us open, and that we did not change.
      if (made(folder) || !DENIED.has(codeOf(error) ?? '')) throw error;
    });
    synced.push(folder);
  }
  for (const folder of synced) durable.add(folder);
}

const DENIED = new Set(['EACCES', 'EPERM']);

export const nodeFileSystem: FileSystem = { create, rename, link, unlink, syncFolder, makeFolder };
