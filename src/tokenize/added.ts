import type { AddedToken } from './file.ts';

/** A token looked for in the text itself, before it is normalized or split. */
export interface Literal {
  readonly id: number;
  readonly bytes: Uint8Array;
  /** Its text may not stand in a document. */
  readonly refused: boolean;
}

/** Tokens as what to look for; none is refused. */
export const literalsOf = (tokens: readonly Pick<AddedToken, 'id' | 'content'>[]): Literal[] =>
  tokens.map(({ id, content }) => ({ id, bytes: new TextEncoder().encode(content), refused: false }));

/**
 * Added tokens in the passes by which the reference looks for them: first those that are not `normalized`, then the others
 * in what is left. One search for all finds the same where no two of different passes can overlap, which is nearly always.
 */
export function passesOf<T extends Pick<AddedToken, 'content' | 'normalized'>>(added: readonly T[]): readonly T[][] {
  const first = added.filter((token) => !token.normalized);
  const second = added.filter((token) => token.normalized);
  const apart =
    first.length * second.length <= MOST_COMPARED &&
    !first.some((a) => second.some((b) => overlaps(a.content, b.content) || overlaps(b.content, a.content)));
  return apart ? [[...added]] : [first, second];
}
/** Pairs of added tokens that are compared: 1 us each. */
const MOST_COMPARED = 100_000;

/** Whether `b` is inside `a`, or begins with what `a` ends with. */
function overlaps(a: string, b: string): boolean {
  if (a.includes(b)) return true;
  for (let length = Math.min(a.length, b.length) - 1; length > 0; length--)
    if (a.endsWith(b.slice(0, length))) return true;
  return false;
}

/** Thrown for the text of a special token where it is not allowed. */
export class SpecialTokenFound extends Error {
  readonly offset: number;
  constructor(token: string, offset: number) {
    super(`the special token ${JSON.stringify(token)} at byte ${offset} of the text`);
    this.offset = offset;
  }
}

/**
 * Finds literals in a text: leftmost first, of those that begin at one place the longest, as the reference's Aho-Corasick
 * does. Texts hold few candidates (a `<`), so a memchr for each first byte beats an automaton over every byte; at a
 * candidate the literals that go on as the text does are narrowed down byte by byte, however many there are.
 */
export class LiteralFinder {
  /** Sorted by their bytes. */
  readonly #byFirst = new Map<number, Literal[]>();
  /** Bytes of the longest literal. */
  readonly longest: number;

  constructor(literals: readonly Literal[]) {
    for (const literal of literals.toSorted((a, b) => Buffer.compare(a.bytes, b.bytes))) {
      const first = literal.bytes[0]!;
      const known = this.#byFirst.get(first);
      if (known) known.push(literal);
      else this.#byFirst.set(first, [literal]);
    }
    this.longest = literals.reduce((most, { bytes }) => Math.max(most, bytes.length), 0);
  }

  get empty(): boolean {
    return this.#byFirst.size === 0;
  }

  /**
   * The text between literals and the literals, in order: `id` is -1 for text. Nothing empty. Of a text that goes on only
   * the literals that begin before `limit`, and the text up to there; `offset` is where the text begins in its whole.
   */
  *split(text: Uint8Array, limit = text.length, offset = 0): Generator<{ start: number; end: number; id: number }> {
    const next = new Map<number, number>();
    for (const first of this.#byFirst.keys()) next.set(first, text.indexOf(first));
    let done = 0;
    for (;;) {
      let at = -1;
      for (const place of next.values()) if (place >= 0 && (at < 0 || place < at)) at = place;
      if (at < 0 || at >= limit) break;
      const found = longestAt(this.#byFirst.get(text[at]!)!, text, at);
      const from = found ? at + found.bytes.length : at + 1;
      for (const [first, place] of next) if (place >= 0 && place < from) next.set(first, text.indexOf(first, from));
      if (!found) continue;
      if (found.refused) throw new SpecialTokenFound(new TextDecoder().decode(found.bytes), offset + at);
      if (at > done) yield { start: done, end: at, id: -1 };
      yield { start: at, end: from, id: found.id };
      done = from;
    }
    if (done < limit) yield { start: done, end: limit, id: -1 };
  }
}

/** The longest of the sorted literals that stands at `at`, where the first byte of them all does. */
function longestAt(literals: readonly Literal[], text: Uint8Array, at: number): Literal | undefined {
  let found: Literal | undefined;
  let from = 0;
  let to = literals.length;
  for (let depth = 1; ; depth++) {
    // The one that ends here sorts before those that go on.
    while (from < to && literals[from]!.bytes.length === depth) found = literals[from++];
    if (from === to || at + depth === text.length) return found;
    const byte = text[at + depth]!;
    from = firstWith(literals, from, to, depth, byte);
    to = firstWith(literals, from, to, depth, byte + 1);
  }
}

/** The first of literals [from, to) whose byte at `depth` is at least `byte`; up to `depth` they are the same. */
function firstWith(literals: readonly Literal[], from: number, to: number, depth: number, byte: number): number {
  let low = from;
  let high = to;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (literals[middle]!.bytes[depth]! < byte) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The text between literals and the literals, found in passes: as `split` of one finder. */
export function* splitInPasses(
  [finder, ...others]: readonly LiteralFinder[],
  text: Uint8Array,
  offset = 0,
): Generator<{ start: number; end: number; id: number }> {
  for (const found of finder!.split(text, text.length, offset)) {
    const { start, end, id } = found;
    if (id >= 0 || others.length === 0) yield found;
    else
      for (const inner of splitInPasses(others, text.subarray(start, end), offset + start))
        yield { start: start + inner.start, end: start + inner.end, id: inner.id };
  }
}
