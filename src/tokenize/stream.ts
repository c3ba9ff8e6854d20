import type { LiteralFinder } from './added.ts';
import type { Kernel } from './kernel.ts';
import { CLASS, classOf } from './unicode/classes.ts';

interface Parts {
  readonly kernel: Kernel;
  readonly finder: LiteralFinder;
  /** Makes text valid UTF-8 and NFC; the same array when it is already. */
  readonly prepare: (text: Uint8Array) => Uint8Array;
  readonly nfc: boolean;
}

/**
 * Encodes a text that comes in pieces, with the ids of the whole. What is kept from one piece to the next is what more
 * text could still change: the last words, the last characters that could compose with what follows, the beginning of
 * what may become an added token. A few hundred bytes, unless the text is one endless word.
 */
export function* encodeStream(pieces: Iterable<Uint8Array>, parts: Parts): Generator<Int32Array> {
  const { kernel, finder, prepare } = parts;
  let kept: Uint8Array = new Uint8Array(0);
  for (const piece of pieces) {
    const text = Buffer.concat([kept, piece]);
    // An added token that begins after this may be the beginning of a longer one, or end in the next piece.
    const certain = text.length - finder.longest;
    const segments = Array.from(finder.split(text));
    let done = 0;
    for (const [i, { start, end, id }] of segments.entries()) {
      const next = segments[i + 1];
      if (id >= 0) {
        if (start > certain) break;
        yield Int32Array.of(id);
      } else if (next && next.start <= certain) yield kernel.encode(prepare(text.subarray(start, end)));
      else {
        const { ids, taken } = encodeOpen(text.subarray(start, Math.max(start, Math.min(end, certain))), parts);
        if (ids.length > 0) yield ids;
        done = start + taken;
        break;
      }
      done = end;
    }
    kept = text.subarray(done);
  }
  for (const { start, end, id } of finder.split(kept))
    yield id >= 0 ? Int32Array.of(id) : kernel.encode(prepare(kept.subarray(start, end)));
}

/** Ids of the beginning of a text that goes on, and how many of its bytes they are of. */
function encodeOpen(text: Uint8Array, { kernel, prepare, nfc }: Parts): { ids: Int32Array; taken: number } {
  const settled = text.subarray(0, settledEnd(text, nfc));
  if (prepare(settled) === settled) return kernel.encodeOpen(settled);
  // Preparing moves bytes, so what is taken would be of other text: take up to where a word is sure to begin.
  const taken = lastWordStart(settled);
  return { ids: kernel.encode(prepare(settled.subarray(0, taken))), taken };
}

/**
 * The last place where, by every pattern, a word begins: a letter after a newline, or a space between two ASCII letters.
 * 0 when there is none.
 */
function lastWordStart(text: Uint8Array): number {
  for (let at = text.length - 5; at > 0; at--) {
    if (text[at - 1] === 0x0a && (text[at]! & 0xc0) !== 0x80) {
      const kind = classOf(codePointAt(text, at));
      if (kind & CLASS.letter && !(kind & CLASS.unsettled)) return at;
    }
    if (text[at] === 0x20 && isAsciiLetter(text[at - 1]!) && isAsciiLetter(text[at + 1]!)) return at;
  }
  return 0;
}

const isAsciiLetter = (byte: number): boolean => (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7a;

/**
 * End of what no later text can change by normalization: the last character that starts anew (NFC_QC Yes, class 0) and
 * all after it stay. Also never inside a character.
 */
function settledEnd(text: Uint8Array, nfc: boolean): number {
  let end = text.length;
  while (end > 0) {
    end--;
    if ((text[end]! & 0xc0) === 0x80) continue;
    if (!nfc) return text.length - end < widthOf(text[end]!) ? end : text.length;
    const complete = text.length - end >= widthOf(text[end]!);
    if (complete && !(classOf(codePointAt(text, end)) & CLASS.unsettled)) return end;
  }
  return 0;
}

const widthOf = (lead: number): number => (lead < 0x80 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4);

function codePointAt(text: Uint8Array, at: number): number {
  const width = widthOf(text[at]!);
  let code = width === 1 ? text[at]! : text[at]! & (0x7f >> width);
  for (let i = 1; i < width; i++) code = (code << 6) | (text[at + i]! & 0x3f);
  return code;
}
