/**
 * What a token's text says about cutting before or after it, in one byte: known by `tokenize`, asked for by `pack`, so that
 * a place to cut is found on ids alone.
 */
export const TOKEN = {
  /** Line feeds in the white space that the token ends with: 0, 1, 2 for more, 3 for some that are not its last character. */
  lines: 0b11,
  /** Nothing but white space. */
  blank: 1 << 2,
  /** Begins with white space. */
  spaced: 1 << 3,
  /** Ends a sentence if white space follows. */
  stop: 1 << 4,
  /** Ends a sentence whatever follows: a full-width stop, or one with its space. */
  wholeStop: 1 << 5,
  /** Nothing but closing quotes and brackets. */
  closing: 1 << 6,
  /** Begins inside a character. */
  inside: 1 << 7,
} as const;

/** What ends at a place in a document; a higher one is a better place to cut. */
export const ENDS = { nothing: 0, character: 1, sentence: 2, line: 3, paragraph: 4 } as const;
export type Ends = (typeof ENDS)[keyof typeof ENDS];

const CLOSING = '["\'”’»)\\]}」』）】》]';
const STOPS = new RegExp(`[.!?…؟]${CLOSING}*$`);
const WIDE_STOPS = new RegExp(`[。！？｡।]${CLOSING}*$`);
const ONLY_CLOSING = new RegExp(`^${CLOSING}+$`);
/** The value of `lines` for a token such as a line feed with the indentation of the next line. */
const INNER = 3;
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** The byte of a token that stands for these bytes of UTF-8. */
export function tokenBits(bytes: Uint8Array): number {
  if (bytes.length === 0) return 0;
  const text = decoder.decode(bytes);
  const core = text.trimEnd();
  const lines = text.slice(core.length).split('\n').length - 1;
  let bits = text.endsWith('\n') ? Math.min(2, lines) : lines > 0 ? INNER : 0;
  if (core === '') bits |= TOKEN.blank;
  if (text.trimStart() !== text) bits |= TOKEN.spaced;
  const stops = STOPS.test(core);
  if (WIDE_STOPS.test(core) || (stops && core !== text)) bits |= TOKEN.wholeStop;
  else if (stops) bits |= TOKEN.stop;
  if (ONLY_CLOSING.test(core)) bits |= TOKEN.closing;
  if ((bytes[0]! & 0xc0) === 0x80) bits |= TOKEN.inside;
  return bits;
}

/** White space and closing marks before a place are looked through this far: a run without end must not cost its square. */
export const LOOK_BACK = 16;

/** The byte of a token by its id. */
export type TokenEnds = (id: number) => number;

/** What ends before token `at` of a document. */
export function endsAt(ids: Int32Array, at: number, tokenEnds: TokenEnds): Ends {
  const bitsOf = (i: number): number => tokenEnds(ids[i]!);
  const next = at < ids.length ? bitsOf(at) : TOKEN.spaced;
  const least = Math.max(0, at - LOOK_BACK);
  const feeds = bitsOf(at - 1) & TOKEN.lines;
  const ended = feeds > 0 && feeds < INNER;
  let last = at - 1;
  for (let lines = 0; last >= least; last--) {
    const more = bitsOf(last) & TOKEN.lines;
    lines += more === INNER ? 1 : more;
    if (lines >= 2 && ended) return ENDS.paragraph;
    if (!(bitsOf(last) & TOKEN.blank)) break;
  }
  if (ended) return ENDS.line;
  const space = last < at - 1 || (next & TOKEN.spaced) !== 0;
  while (last > least && bitsOf(last) & TOKEN.closing) last--;
  const bits = last >= least ? bitsOf(last) : 0;
  if (bits & TOKEN.wholeStop || (bits & TOKEN.stop && space)) return ENDS.sentence;
  return next & TOKEN.inside ? ENDS.nothing : ENDS.character;
}
