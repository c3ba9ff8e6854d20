import { closeSync, mkdirSync, openSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Overflow } from '../core/stage.ts';
import { failure } from './failure.ts';
import { temporaryName } from './temporary.ts';

/**
 * Lends room outside of memory: a file in `dir` without a name, made when it is needed, which is gone with the process at the
 * latest. What lies in it is none of the corpus, and is not synced.
 */
export async function withOverflow<T>(dir: string, work: (overflow: Overflow) => Promise<T>): Promise<T> {
  const path = join(dir, temporaryName('overflow'));
  let file: number | undefined;
  let length = 0;
  const open = (): number => {
    mkdirSync(dir, { recursive: true });
    const opened = openSync(path, 'wx+');
    unlinkSync(path);
    return opened;
  };
  try {
    return await work({
      add(bytes) {
        const at = length;
        coded(path, 'writing', bytes.length, () => {
          file ??= open();
          for (let done = 0; done < bytes.length;) done += writeSync(file, bytes, done, bytes.length - done, at + done);
        });
        length += bytes.length;
        return at;
      },
      read(at, into) {
        coded(path, 'reading', undefined, () => {
          for (let done = 0; done < into.length;) {
            const read = readSync(file!, into, done, into.length - done, at + done);
            if (read === 0) throw new Error(`it ends at byte ${at + done}`);
            done += read;
          }
        });
      },
    });
  } finally {
    if (file !== undefined) closeSync(file);
  }
}

function coded(path: string, what: string, bytes: number | undefined, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw failure(path, what, error, bytes);
  }
}
