/**
 * GPT-2's byte alphabet: a vocabulary's text stands for bytes. The 188 printable bytes of Latin-1 stand for themselves, the
 * others, in order, for U+0100 and up.
 */
const BYTES = new Int16Array(0x144).fill(-1);
for (let byte = 0, others = 0; byte < 256; byte++) {
  const printable = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte !== 0xad);
  const code = printable ? byte : 0x100 + others++;
  BYTES[code] = byte;
}

/** Writes the bytes of a token to `out` at `at`; returns how many, or -1 when a character stands for no byte. */
export function tokenBytes(token: string, out: Uint8Array, at: number): number {
  for (let i = 0; i < token.length; i++) {
    const byte = BYTES[token.charCodeAt(i)] ?? -1;
    if (byte < 0) return -1;
    out[at + i] = byte;
  }
  return token.length;
}

/** The same for a token in UTF-8, [from, end) of `text`. */
export function utf8TokenBytes(text: Uint8Array, from: number, end: number, out: Uint8Array, at: number): number {
  let to = at;
  for (let i = from; i < end;) {
    let code = text[i++]!;
    // The alphabet ends at U+0143: two bytes at most. From 0xe0 on they make a code beyond it.
    if (code >= 0x80) code = ((code & 0x3f) << 6) | (text[i++]! & 0x3f);
    const byte = BYTES[code] ?? -1;
    if (byte < 0) return -1;
    out[to++] = byte;
  }
  return to - at;
}
