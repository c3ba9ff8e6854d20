/**
 * Calls that are made at once, for many small files: each takes some 5 us, where a promise takes a trip to another thread and
 * back, 60 us and, on a busy machine, half a millisecond. Whoever calls them has nothing else to do meanwhile.
 */
import { closeSync, fstatSync, openSync, readSync, type Stats, statSync } from 'node:fs';
import { codeOf, failure } from './failure.ts';
import { type Found, foundIn } from './files.ts';

/** What is there, links followed; undefined when nothing is. */
export function statNow(path: string): Found | undefined {
  let stats: Stats | undefined;
  try {
    stats = statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    if (codeOf(error) !== 'ENOTDIR') throw failure(path, 'looking at it', error);
  }
  return stats && foundIn(stats);
}

/** Bytes [start, end) of a file, few of them; a file that ends before is IO_FAILED. */
export function readNow(path: string, start: number, end: number): Uint8Array<ArrayBuffer> {
  try {
    const file = openSync(path, 'r');
    try {
      if (!fstatSync(file).isFile()) throw new Error('it is not a file');
      const bytes = new Uint8Array(end - start);
      for (let done = 0; done < bytes.length;) {
        const read = readSync(file, bytes, done, bytes.length - done, start + done);
        if (read === 0) throw new Error(`it ends at byte ${start + done} now`);
        done += read;
      }
      return bytes;
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw failure(path, 'reading', error);
  }
}
