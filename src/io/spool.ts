import { close, mkdir, open, readSync, unlink, write } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Spool } from '../core/stage.ts';
import { coded, failure } from './failure.ts';
import { temporaryName } from './temporary.ts';

/**
 * Room for the ids of a text too long to be held: a file in `dir` without a name, 4 bytes an id, which is gone with the process
 * at the latest. What lies in it is none of the corpus, and is not synced.
 */
export async function spoolIn(dir: string): Promise<Spool> {
  const path = join(dir, temporaryName('spool'));
  const file = await coded(path, 'opening', async () => {
    await promisify(mkdir)(dir, { recursive: true });
    const opened = await promisify(open)(path, 'wx+');
    await promisify(unlink)(path);
    return opened;
  });
  let length = 0;
  return {
    get length() {
      return length;
    },
    async add(ids) {
      const bytes = new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength);
      try {
        for (let done = 0; done < bytes.length;) {
          const { bytesWritten } = await promisify(write)(file, bytes, done, bytes.length - done, length * 4 + done);
          done += bytesWritten;
        }
      } catch (error) {
        throw failure(path, 'writing', error, bytes.length);
      }
      length += ids.length;
    },
    subarray(start, end) {
      const ids = new Int32Array(Math.max(0, Math.min(end, length) - start));
      const bytes = new Uint8Array(ids.buffer);
      for (let done = 0; done < bytes.length;) {
        const read = readSync(file, bytes, done, bytes.length - done, start * 4 + done);
        if (read === 0) throw failure(path, 'reading', new Error(`it ends at byte ${start * 4 + done}`));
        done += read;
      }
      return ids;
    },
    release: () => close(file, () => {}),
  };
}
