import { mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

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

async function makeFolder(path: string): Promise<void> {
  const first = await mkdir(path, { recursive: true });
  if (first === undefined) return;
  // Each new folder is a name in the one above it: sync those, from the lowest up to the one that was there before.
  const top = dirname(first);
  for (let folder = dirname(path); folder.length >= top.length; folder = dirname(folder)) {
    await syncFolder(folder);
    if (folder === dirname(folder)) break;
  }
}

export const nodeFileSystem: FileSystem = { create, rename, unlink, syncFolder, makeFolder };
