import { createHash } from 'node:crypto';
import { basename, dirname, join, resolve } from 'node:path';
import { ioFailed } from '../core/errors.ts';
import { codeOf, failure } from './failure.ts';
import { type FileSystem, nodeFileSystem, type OpenFile } from './file-system.ts';
import { temporaryName } from './temporary.ts';

/** What a commit put on disk. */
export interface Committed {
  readonly bytes: number;
  readonly sha256: string;
}

/** Where a streaming commit writes to. */
export interface CommitSink {
  /** Appends; the caller may reuse the bytes once this resolves. */
  write(chunk: Uint8Array): Promise<void>;
  /** Bytes written so far: the offset of the next chunk. */
  readonly position: number;
}

/**
 * The commit rule: write under a temporary name in the same folder, fsync, compare the size on disk, rename, fsync the
 * folder. A reader sees the whole file or none of it, after a kill -9 or a power loss too. When anything fails, the
 * callback included, the temporary is removed and what stood under `path` before is as it was.
 * Costs 78-200 ms for a 64 MiB shard (nearly all of it the disk), sha256 included.
 */
export async function commitStream(
  path: string,
  write: (sink: CommitSink) => Promise<void>,
  fs: FileSystem = nodeFileSystem,
  publish: (temporary: string, target: string) => Promise<void> = fs.rename,
): Promise<Committed> {
  const target = resolve(path);
  const folder = dirname(target);
  let position = 0;
  let temporary: string | null = null;
  let file: OpenFile | null = null;
  try {
    await fs.makeFolder(folder);
    ({ temporary, file } = await createTemporary(fs, folder, basename(target)));
    const open = file;
    const hash = createHash('sha256');
    await write({
      get position() {
        return position;
      },
      async write(chunk) {
        if (chunk.length === 0) return;
        let writing = open.write(chunk);
        // Another thread writes meanwhile: half of the time of a large chunk, where there is a core to spare.
        hash.update(chunk);
        for (let done = 0; done < chunk.length;) {
          const taken = await writing.catch((error: unknown) => {
            throw failure(path, 'writing', error, position - done + chunk.length);
          });
          if (taken <= 0) throw ioFailed(path, 'writing', new Error('the disk takes no more bytes'));
          done += taken;
          position += taken;
          if (done < chunk.length) writing = open.write(chunk.subarray(done));
        }
      },
    });
    await open.sync();
    const size = await open.size();
    if (size !== position) throw ioFailed(path, 'writing', new Error(`${size} bytes on disk, ${position} written`));
    file = null;
    await open.close();
    await publish(temporary, target);
    temporary = null;
    await fs.syncFolder(folder);
    return { bytes: position, sha256: hash.digest('hex') };
  } catch (error) {
    // The first error is the one to tell; that cleaning up failed too would only hide it, and the sweep comes later.
    await file?.close().catch(() => {});
    if (temporary !== null) await fs.unlink(temporary).catch(() => {});
    throw callerError(error) ?? failure(path, 'committing', error, position);
  }
}

/** Commits bytes that are already there; text as UTF-8. */
export function commitFile(
  path: string,
  bytes: Uint8Array | string,
  fs: FileSystem = nodeFileSystem,
): Promise<Committed> {
  const content = typeof bytes === 'string' ? new TextEncoder().encode(bytes) : bytes;
  return commitStream(path, (sink) => sink.write(content), fs);
}

/**
 * Commits a file unless there is one of its name, which stays: false then. Of two processes at it one is told so. A file system
 * without links cannot tell: there the last one stays.
 */
export async function commitNew(path: string, text: string, fs: FileSystem = nodeFileSystem): Promise<boolean> {
  let taken = false;
  const publish = async (temporary: string, target: string): Promise<void> => {
    try {
      await fs.link(temporary, target);
    } catch (error) {
      const code = codeOf(error) ?? '';
      if (NO_LINKS.has(code)) return fs.rename(temporary, target);
      if (code !== 'EEXIST') throw error;
      taken = true;
    }
    await fs.unlink(temporary);
  };
  await commitStream(path, (sink) => sink.write(new TextEncoder().encode(text)), fs, publish);
  return !taken;
}

const NO_LINKS = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK']);

/** What has no system code (`ENOSPC`, `EIO`) is the callback's own error or a bug, not the disk's: it passes as it is. */
const callerError = (error: unknown): unknown => (/^E[A-Z0-9]+$/.test(codeOf(error) ?? '') ? null : error);

/** A name may be taken by a dead process whose id came round again: then the next counter. */
async function createTemporary(
  fs: FileSystem,
  folder: string,
  name: string,
): Promise<{ temporary: string; file: OpenFile }> {
  for (;;) {
    const temporary = join(folder, temporaryName(name));
    try {
      return { temporary, file: await fs.create(temporary) };
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  }
}
