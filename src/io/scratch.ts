import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { coded } from './failure.ts';

/** Lends a folder of its own to `work`, and removes it with all that is in it. In $TMPDIR, or where the system has such folders. */
export async function inScratch<T>(work: (dir: string) => Promise<T>): Promise<T> {
  const dir = await coded(tmpdir(), 'making a folder', () => mkdtemp(join(tmpdir(), 'ultraprep-')));
  try {
    return await work(dir);
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}
