import { createHash } from 'node:crypto';
import { readdir, stat, unlink } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { isMainThread, threadId } from 'node:worker_threads';
import { codeOf, coded, failure } from './failure.ts';

/** A process id means something on its own host only; folders are shared between hosts. */
const HOST = createHash('sha256').update(hostname()).digest('hex').slice(0, 12);
const PATTERN = /^\.tmp-([0-9a-f]{12})-(\d+)-\d+\.\d+-/;
let counter = 0;

/** `.tmp-<host>-<pid>-<thread>.<counter>-<name>`: the threads of a process share its pid, but not this counter. */
export const temporaryName = (name: string): string => `.tmp-${HOST}-${process.pid}-${threadId}.${counter++}-${name}`;

/** True for the name of any host's temporary file. */
export const isTemporary = (name: string): boolean => PATTERN.test(name);

/**
 * Removes what dead processes of this host left in a folder, and returns how many. Two processes may work in one folder,
 * so a living one's files stay; other hosts' stay too, as there is no telling. A folder that is not there has none.
 * With `own` this process's files go as well: for when all its writers have been stopped.
 */
export async function sweepTemporaries(dir: string, own = false): Promise<number> {
  const names = await readdir(dir).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return [];
    throw failure(dir, 'listing', error);
  });
  let removed = 0;
  for (const name of names) {
    const [, host, pid] = PATTERN.exec(name) ?? [];
    if (host !== HOST || pid === undefined) continue;
    const path = join(dir, name);
    if (!(own && Number(pid) === process.pid) && !(await isAbandoned(path, Number(pid)))) continue;
    await coded(path, 'removing', () => removeIfThere(path));
    removed += 1;
  }
  return removed;
}

/** True for a temporary of this host whose process is no more. */
export async function isLeftOver(dir: string, name: string): Promise<boolean> {
  const [, host, pid] = PATTERN.exec(name) ?? [];
  return host === HOST && pid !== undefined && isAbandoned(join(dir, name), Number(pid));
}

async function isAbandoned(path: string, pid: number): Promise<boolean> {
  if (pid === process.pid) {
    // In a container every run may be pid 1: a file older than this process is its predecessor's. Only the main thread
    // knows when the process began; 2 s for file systems that keep times coarsely.
    if (!isMainThread) return false;
    const begun = Date.now() - process.uptime() * 1000;
    const modified = await stat(path).then(
      (found) => found.mtimeMs,
      () => Infinity,
    );
    return modified < begun - 2000;
  }
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return codeOf(error) === 'ESRCH'; // EPERM: alive, but somebody else's.
  }
}

async function removeIfThere(path: string): Promise<void> {
  await unlink(path).catch((error: unknown) => {
    if (codeOf(error) !== 'ENOENT') throw error; // Another sweep was faster.
  });
}
