import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import { ioFailed } from '../core/errors.ts';
import { failure } from './failure.ts';

/** Reads of many files into the caller's memory, with the last few files open. */
export interface ReadInto {
  /**
   * Fills `target` from `position`, by blocking calls; a file that ends before is IO_FAILED. 512 KiB that the system has in
   * memory take 35 us in a target that is used again; into fresh memory 150, of which most goes to its page faults, and by
   * a promise 90.
   */
  read(path: string, position: number, target: Uint8Array): void;
  close(): void;
}

/** One read call takes at most this: Node refuses 2 GiB and more. */
const LARGEST_READ = 1024 * 1024 * 1024;

/** A process may have no more than 256 files open: `keep` stays far below. */
export function readerInto(keep: number): ReadInto {
  const open = new Map<string, { fd: number; size: number }>();
  const opened = (path: string) => {
    const known = open.get(path);
    if (known) return known;
    for (const [oldest, { fd }] of open) {
      if (open.size < keep) break;
      open.delete(oldest);
      closeSync(fd);
    }
    const fd = openSync(path, 'r');
    const file = { fd, size: fstatSync(fd).size };
    open.set(path, file);
    return file;
  };
  return {
    read(path, position, target) {
      try {
        const { fd, size } = opened(path);
        const end = position + target.length;
        if (!(position >= 0 && end <= size)) throw new Error(`bytes ${position} to ${end} of ${size} do not exist`);
        for (let done = 0; done < target.length;) {
          const read = readSync(fd, target, done, Math.min(target.length - done, LARGEST_READ), position + done);
          if (read === 0) throw ioFailed(path, 'reading', new Error(`it ends at byte ${position + done} now`));
          done += read;
        }
      } catch (error) {
        throw failure(path, 'reading', error);
      }
    },
    close() {
      for (const { fd } of open.values()) closeSync(fd);
      open.clear();
    },
  };
}
