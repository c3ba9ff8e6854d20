import { isUtf8 } from '../io/bytes.ts';

const NONE = new Uint8Array(0);

/** Whether a text that comes in pieces is UTF-8, of which a character may be cut by the end of a piece. */
export class Utf8Check {
  #open: Uint8Array = NONE;
  #sound = true;

  add(piece: Uint8Array): void {
    if (!this.#sound) return;
    const bytes = this.#open.length > 0 ? Buffer.concat([this.#open, piece]) : piece;
    const end = bytes.length - unfinished(bytes);
    this.#sound = isUtf8(bytes.subarray(0, end));
    this.#open = bytes.slice(end);
  }

  /** At the end. */
  get sound(): boolean {
    return this.#sound && this.#open.length === 0;
  }
}

/** Bytes at the end that begin a character and do not end it: 0 to 3. */
function unfinished(bytes: Uint8Array): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!;
    if ((byte & 0xc0) === 0x80) continue;
    const width = byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
    return width > back ? back : 0;
  }
  return 0;
}
