import type { TokenizerFile } from './file.ts';
import type { Image } from './image.ts';
import { Kernel } from './kernel.ts';
import { type Literal, LiteralFinder } from './added.ts';
import type { Recognised } from './recognise.ts';
import { normalizeNfcUtf8 } from './unicode/nfc.ts';

/** Encodes and decodes; the kernel's and the library's look alike. */
export interface Engine {
  readonly name: string;
  /** UTF-8 to ids, no special token added or seen. */
  encode(text: Uint8Array): Int32Array;
  /** Ids of ordinary tokens to text. */
  decode(ids: readonly number[]): string;
}

/** The engine over the WebAssembly kernel: byte-level BPE with a known split pattern. */
export function kernelEngine(file: TokenizerFile, how: Recognised, image: Image): Engine {
  const kernel = new Kernel(image);
  const literals = file.added
    .filter((token) => !token.special)
    .map(({ id, content }): Literal => ({ id, bytes: new TextEncoder().encode(content) }));
  const finder = new LiteralFinder(literals);
  const plain = (text: Uint8Array): Int32Array =>
    kernel.encode(how.nfc && kernel.needsNfc(text) ? normalizeNfcUtf8(text) : text);
  return {
    name: 'ultraprep kernel',
    encode(text) {
      if (finder.empty) return plain(text);
      const parts: Int32Array[] = [];
      for (const { start, end, id } of finder.split(text)) {
        if (id < 0 && start === 0 && end === text.length) return plain(text);
        parts.push(id < 0 ? plain(text.subarray(start, end)) : Int32Array.of(id));
      }
      const ids = new Int32Array(parts.reduce((sum, part) => sum + part.length, 0));
      let at = 0;
      for (const part of parts) {
        ids.set(part, at);
        at += part.length;
      }
      return ids;
    },
    decode: decoder(image, literals),
  };
}

/** Tokens are bytes; their text is the UTF-8 of those of a whole run, U+FFFD where they are none. */
function decoder({ bytes, layout }: Image, literals: readonly Literal[]): (ids: readonly number[]) => string {
  const start = layout.classIndex;
  const offsets = new Uint32Array(
    bytes.buffer,
    layout.tokenOffsets - start,
    (layout.tokenBytes - layout.tokenOffsets) / 4,
  );
  const table = bytes.subarray(layout.tokenBytes - start);
  const added = new Map(literals.map((literal) => [literal.id, literal.bytes]));
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  return (ids) => {
    const parts = ids.map((id) => added.get(id) ?? table.subarray(offsets[id] ?? 0, offsets[id + 1] ?? 0));
    return utf8.decode(Buffer.concat(parts));
  };
}
