import { tokenBytes } from './alphabet.ts';

/** Ids are below this. */
export const MAX_VOCABULARY = 2 ** 21;

/** The tokens of a model, added ones apart. No two have the same id. */
export interface Vocabulary {
  readonly length: number;
  /** Largest id + 1. */
  readonly size: number;
  /** No fewer than the bytes that all tokens stand for. */
  readonly room: number;
  idOf(token: string): number | undefined;
  tokenOf(id: number): string | undefined;
  /** Writes the bytes that a token stands for; returns how many, 0 where it stands for none or there is no such token. */
  write(id: number, out: Uint8Array, at: number): number;
}

/** Tokens as JavaScript's strings. */
export class TextVocabulary implements Vocabulary {
  readonly ids = new Map<string, number>();
  readonly #tokens: string[] = [];
  length = 0;
  room = 0;

  get size(): number {
    return this.#tokens.length;
  }

  add(token: string, id: number): void {
    this.ids.set(token, id);
    this.#tokens[id] = token;
    this.length++;
    this.room += token.length;
  }

  idOf(token: string): number | undefined {
    return this.ids.get(token);
  }

  tokenOf(id: number): string | undefined {
    return this.#tokens[id];
  }

  write(id: number, out: Uint8Array, at: number): number {
    const token = this.#tokens[id];
    return token === undefined ? 0 : Math.max(0, tokenBytes(token, out, at));
  }
}
