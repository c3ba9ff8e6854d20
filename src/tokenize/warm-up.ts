/** What stands between the made-up words: each way of splitting and merging has to come often enough for V8 to compile it. */
const BETWEEN = [' ', ' ', ' ', ' ', '\n        ', '.', ' = "', "'s ", ' 1234', '();\n\n', 'é ', ' 的是不了，'];

/**
 * A text for the kernel to be warmed up with, one like the other for V8: words of 1 to 12 letters, some of 20 or of 80, with an upper-case
 * letter now and then. Some are looked up, some merged, some cut.
 */
export function madeUpText(bytes: number): Uint8Array {
  let state = 1;
  const below = (limit: number): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 16) % limit;
  };
  const between = BETWEEN.map((text) => Buffer.from(text));
  const text = Buffer.alloc(bytes);
  for (let at = 0, words = 0; at < bytes; words++) {
    const end = at + (words % 64 === 0 ? 80 : words % 8 === 0 ? 20 : 1 + below(12));
    while (at < end) text[at++] = (below(8) === 0 ? 0x41 : 0x61) + below(26);
    at += between[below(between.length)]!.copy(text, at);
  }
  // The last character may be cut: it goes, from its first byte on.
  let end = bytes - 1;
  while (end > 0 && (text[end]! & 0xc0) === 0x80) end--;
  return text.fill(0x20, end);
}
