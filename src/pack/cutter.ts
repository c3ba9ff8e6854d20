import { type Cut, cutDocument, type CutRules, type SoftEnd } from './cut.ts';
import type { Method } from './method.ts';

/** Cuts documents one after the other. Under `concat` a document begins where the one before it ended, and is cut where its window ends. */
export class Cutter {
  readonly #rules: CutRules;
  readonly #concat: boolean;
  /** Tokens that the open window still takes. */
  #room: number;

  constructor(rules: CutRules, method: Method) {
    this.#rules = rules;
    this.#concat = method === 'concat';
    this.#room = rules.windowLength;
  }

  /** Whether the last window of the documents cut so far takes more of the next one. */
  get open(): boolean {
    return this.#room < this.#rules.windowLength;
  }

  /** Whether a document of so many tokens goes into the open window as it is: then `cut` needs not be asked. */
  whole(tokens: number): boolean {
    const total = tokens + (this.#rules.separator ? 1 : 0);
    if (tokens === 0 || total > this.#room || total < this.#rules.minSegment) return false;
    if (this.#concat) this.#take(total);
    return true;
  }

  cut(tokens: number, softEnd?: SoftEnd): Cut {
    const cut = cutDocument(tokens, this.#rules, this.#room, this.#concat ? undefined : softEnd);
    if (this.#concat) cut.ends.forEach((end, part) => this.#take(end - (cut.ends[part - 1] ?? 0)));
    return cut;
  }

  /** A window is full where no segment is short enough for the rest of it. */
  #take(tokens: number): void {
    const { windowLength, minSegment } = this.#rules;
    const room = this.#room - tokens;
    this.#room = room < Math.max(1, minSegment) ? windowLength : room;
  }
}
