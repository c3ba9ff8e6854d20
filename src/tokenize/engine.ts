import { isUtf8 } from 'node:buffer';
import { type Literal, LiteralFinder, passesOf, splitInPasses } from './added.ts';
import { tokenBytes } from './alphabet.ts';
import { concatIds, Kernel } from './kernel.ts';
import type { Model } from './model.ts';
import { gathering, type OpenStream, openStream } from './stream.ts';
import { normalizeNfcUtf8 } from './unicode/nfc.ts';

/** What becomes of the text of a special token inside a document: plain text, the token, or the document is refused. */
export const SPECIAL_MODES = ['text', 'parse', 'reject'] as const;
export type SpecialMode = (typeof SPECIAL_MODES)[number];

/** Encodes and decodes; the kernel's and the library's look alike. */
export interface Engine {
  readonly name: string;
  /** UTF-8 to ids. */
  encode(text: Uint8Array): Int32Array;
  /** The same of a text that comes in pieces, cut anywhere, in bounded memory. */
  open(): OpenStream;
  /** Nobody looks at the ids that `encode` gave so far: their memory may be used again. */
  reuse?(): void;
  /** Ids of ordinary tokens to text. */
  decode(ids: readonly number[]): string;
  /** The UTF-8 that an ordinary token stands for inside a text; empty where there is no such token. */
  bytesOf(id: number): Uint8Array;
  /** The id of an ordinary token by its text in the vocabulary. */
  idOf(token: string): number | undefined;
  /** Whether the vocabulary has a token of this id. */
  has(id: number): boolean;
}

/** Byte-level BPE with a known split pattern, in the WebAssembly kernel. */
export function kernelEngine(model: Model, special: SpecialMode): Engine {
  const looked = model.added.filter((token) => special !== 'text' || !token.special);
  const finders = passesOf(looked).map(
    (pass) =>
      new LiteralFinder(
        pass.map((token): Literal => ({
          id: token.id,
          bytes: new TextEncoder().encode(token.content),
          refused: special === 'reject' && token.special,
        })),
      ),
  );
  // Made for the first text: who plans only asks for ids.
  let made: Kernel | undefined;
  const kernelOf = (): Kernel =>
    (made ??= new Kernel(
      model.image,
      looked.map(({ content }) => new TextEncoder().encode(content)),
    ).warmUp());
  const { nfc } = model.how;
  // The kernel trusts its input. The reference sees strings, where what is not UTF-8 is U+FFFD, as TextDecoder has it.
  const prepare = (text: Uint8Array): Uint8Array => {
    const valid = isUtf8(text)
      ? text
      : new TextEncoder().encode(new TextDecoder('utf-8', { ignoreBOM: true }).decode(text));
    return nfc && !kernelOf().isNormalized(valid) ? normalizeNfcUtf8(valid) : valid;
  };
  const plain = (text: Uint8Array): Int32Array => kernelOf().encode(prepare(text));
  return {
    name: 'ultraprep kernel',
    encode(text) {
      // Nearly all texts: valid, normalized, without added tokens; one pass finds out, over the kernel's own copy.
      const ids = isUtf8(text) ? kernelOf().encodePlain(text, nfc) : undefined;
      if (ids) return ids;
      const runs: Int32Array[] = [];
      for (const { start, end, id } of splitInPasses(finders, text)) {
        if (id < 0 && start === 0 && end === text.length) return plain(text);
        runs.push(id < 0 ? plain(text.subarray(start, end)) : Int32Array.of(id));
      }
      return concatIds(runs);
    },
    reuse: () => made?.reuse(),
    open() {
      const [finder, another] = finders;
      // Two passes see the text as a whole: no real file is known that needs them.
      return another
        ? gathering((text) => this.encode(text))
        : openStream({ kernel: kernelOf(), finder: finder!, prepare, nfc });
    },
    ...readers(model),
  };
}

/** From ids to text and from a token to its id. Tokens are bytes; what is no UTF-8 becomes U+FFFD, as in the reference. */
function readers({ image, added, size }: Model): Pick<Engine, 'decode' | 'bytesOf' | 'idOf' | 'has'> {
  const { bytes, layout } = image;
  const start = layout.classIndex;
  const offsets = new Uint32Array(bytes.buffer, bytes.byteOffset + layout.tokenOffsets - start, size + 1);
  const table = bytes.subarray(layout.tokenBytes - start);
  const whole = Buffer.from(table.buffer, table.byteOffset, offsets[size]);
  const bytesOf = (id: number): Uint8Array => table.subarray(offsets[id] ?? 0, offsets[id + 1] ?? 0);
  const bytesIn = (id: number): number => (offsets[id + 1] ?? 0) - (offsets[id] ?? 0);
  const literal = new Map(added.map(({ id, content }) => [id, new TextEncoder().encode(content)]));
  const utf8 = new TextDecoder('utf-8', { ignoreBOM: true });
  return {
    decode: (ids) => utf8.decode(Buffer.concat(ids.map((id) => literal.get(id) ?? bytesOf(id)))),
    bytesOf,
    has: (id) => bytesIn(id) > 0,
    idOf(token) {
      const wanted = new Uint8Array(token.length);
      if (tokenBytes(token, wanted, 0) <= 0) return undefined;
      // The usual names of special tokens are asked for by the dozen, at each start: 3 ms each when every id was looked at.
      for (let at = -1; (at = whole.indexOf(wanted, at + 1)) >= 0;) {
        for (let id = firstNotBelow(offsets, at); offsets[id] === at; id++)
          if (bytesIn(id) === wanted.length) return id;
      }
      return undefined;
    },
  };
}

/** Index of the first of ascending numbers that is not below `least`. */
function firstNotBelow(numbers: Uint32Array, least: number): number {
  let [low, high] = [0, numbers.length];
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (numbers[middle]! < least) low = middle + 1;
    else high = middle;
  }
  return low;
}
