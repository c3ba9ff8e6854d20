import { close, mkdir, open, read, readSync, unlink, write } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Room } from '../core/stage.ts';
import { coded, failure } from './failure.ts';
import { temporaryName } from './temporary.ts';

/** A room whose bytes can be looked at without waiting, too. */
export interface FileRoom extends Room {
  readNow(at: number, into: Uint8Array): void;
}

/**
 * Room outside of memory: a file in `dir` without a name, which is gone with the process at the latest. What lies in it is none
 * of the corpus, and is not synced.
 */
export async function roomIn(dir: string, name: string): Promise<FileRoom> {
  const path = join(dir, temporaryName(name));
  const file = await coded(path, 'opening', async () => {
    await promisify(mkdir)(dir, { recursive: true });
    const opened = await promisify(open)(path, 'wx+');
    await promisify(unlink)(path);
    return opened;
  });
  const ended = (at: number) => failure(path, 'reading', new Error(`it ends at byte ${at}`));
  return {
    async write(at, bytes) {
      try {
        for (let done = 0; done < bytes.length;) {
          const { bytesWritten } = await promisify(write)(file, bytes, done, bytes.length - done, at + done);
          done += bytesWritten;
        }
      } catch (error) {
        throw failure(path, 'writing', error, bytes.length);
      }
    },
    read: (at, into) =>
      coded(path, 'reading', async () => {
        for (let done = 0; done < into.length;) {
          const { bytesRead } = await promisify(read)(file, into, done, into.length - done, at + done);
          if (bytesRead === 0) throw ended(at + done);
          done += bytesRead;
        }
      }),
    readNow(at, into) {
      try {
        for (let done = 0; done < into.length;) {
          const bytesRead = readSync(file, into, done, into.length - done, at + done);
          if (bytesRead === 0) throw ended(at + done);
          done += bytesRead;
        }
      } catch (error) {
        throw failure(path, 'reading', error);
      }
    },
    release: () => close(file, () => {}),
  };
}
