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
 * does. Texts hold few candidates (a `<`), so a memchr for each first byte beats an automaton over every byte.
 */
export class LiteralFinder {
  readonly #byFirst = new Map<number, Literal[]>();
  /** Bytes of the longest literal. */
  readonly longest: number;

  constructor(literals: readonly Literal[]) {
    for (const literal of literals.toSorted((a, b) => b.bytes.length - a.bytes.length)) {
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
      const found = this.#byFirst.get(text[at]!)!.find(({ bytes }) => startsWith(text, at, bytes));
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

function startsWith(text: Uint8Array, at: number, bytes: Uint8Array): boolean {
  if (at + bytes.length > text.length) return false;
  for (let i = 1; i < bytes.length; i++) if (text[at + i] !== bytes[i]) return false;
  return true;
}
