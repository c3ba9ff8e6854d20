import { basename, dirname, join, resolve } from 'node:path';
import { failure } from './failure.ts';
import { type FileSystem, nodeFileSystem } from './file-system.ts';
import { listFolder, remove } from './files.ts';
import { isLeftOver, temporaryName } from './temporary.ts';

/**
 * The commit rule for a folder that is of use only when it is whole: `fill` writes into a temporary one beside it, which gets
 * the name when all is on disk. Whatever happens before leaves nothing under `path`. `clear` makes room for it just
 * before: no folder can be put in the place of one that is not empty.
 */
export async function commitFolder<T>(
  path: string,
  fill: (dir: string) => Promise<T>,
  clear: () => Promise<void>,
  fs: FileSystem = nodeFileSystem,
): Promise<T> {
  const target = resolve(path);
  const [parent, name] = [dirname(target), basename(target)];
  const temporary = join(parent, temporaryName(name));
  try {
    await fs.makeFolder(parent);
    await removeLeftOvers(parent, name);
    await fs.makeFolder(temporary);
    const result = await fill(temporary);
    await clear();
    await fs.rename(temporary, target);
    await fs.syncFolder(parent);
    return result;
  } catch (error) {
    // The first error is the one to tell; what could not be removed is left over, for the next to remove.
    await remove(temporary).catch(() => {});
    throw failure(path, 'committing', error);
  }
}

/** What killed processes left of this very folder. */
async function removeLeftOvers(parent: string, name: string): Promise<void> {
  for (const found of await listFolder(parent))
    if (found.endsWith(`-${name}`) && (await isLeftOver(parent, found))) await remove(join(parent, found));
}
