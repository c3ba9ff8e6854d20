import type { Spool } from '../core/stage.ts';
import { roomIn } from './room.ts';

/** Room for the ids of a text too long to be held, 4 bytes an id. */
export async function spoolIn(dir: string): Promise<Spool> {
  const room = await roomIn(dir, 'spool');
  let length = 0;
  return {
    get length() {
      return length;
    },
    async add(ids) {
      await room.write(length * 4, new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
      length += ids.length;
    },
    subarray(start, end) {
      const ids = new Int32Array(Math.max(0, Math.min(end, length) - start));
      room.readNow(start * 4, new Uint8Array(ids.buffer));
      return ids;
    },
    release: () => room.release(),
  };
}
