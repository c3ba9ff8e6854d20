import { Gathered, type LongRecords, type Span } from '../io/lines.ts';
import type { LongRecord } from './long-record.ts';
import { isSpace } from './record.ts';

/** A piece of a top-level array: an element, or the nothing in `[]`, and the byte that ends it. */
export interface Element {
  readonly span: Span<LongRecord>;
  /** `,` or the byte that closes the array. */
  readonly delimiter: number;
  /** Offset after the delimiter: where the next element begins. */
  readonly next: number;
}

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c];
/** A byte-order mark is passed where it is one: the first three bytes of the file. */
const BOM = [0xef, 0xbb, 0xbf] as const;
const OPENERS = new Set([0x5b, 0x7b]);
const CLOSERS = new Set([0x5d, 0x7d]);

/**
 * Finds where the elements of a top-level JSON array begin and end, by bytes: quotes and brackets only. It does not check
 * the grammar (that is stream-json's part); it gives what stream-json cannot: byte offsets, a cap on an element,
 * and one element at a time, so that an error takes none of those before it along.
 */
export class ElementSplitter {
  /** `before` the first byte that is not space, `inside` the array, `after` its end. */
  state: 'before' | 'inside' | 'after' = 'before';
  /** The byte that was there in place of `[`, or that follows the array; its offset. */
  stray: { readonly byte: number; readonly offset: number } | null = null;
  private position = 0;
  private depth = 0;
  private inString = false;
  private escaped = false;
  private readonly element: Gathered<LongRecord>;

  /** With `start` above 0: from there on, where an element of the array begins. With `long`, elements of more bytes are not held. */
  constructor(cap: number, start = 0, long: LongRecords<LongRecord> | null = null) {
    this.element = new Gathered(cap, long);
    if (start === 0) return;
    this.state = 'inside';
    this.position = start;
    this.element.reset(start);
  }

  /** The elements that end in this chunk. */
  async push(chunk: Uint8Array): Promise<Element[]> {
    const elements: Element[] = [];
    let from = 0; // where what is not gathered yet begins
    let at = this.state === 'inside' ? 0 : this.skip(chunk, 0);
    if (this.state === 'inside') from = at;
    for (; at < chunk.length && this.state === 'inside'; at++) {
      if (!this.endsAt(chunk[at]!)) continue;
      this.element.add(chunk.subarray(from, at));
      if (this.element.isLong) await this.element.endLong();
      from = at + 1;
      const next = this.position + from;
      elements.push({ span: trimmed(this.element.take()), delimiter: chunk[at]!, next });
      this.element.reset(next);
      if (this.depth < 0) this.state = 'after';
    }
    if (this.state === 'inside') {
      this.element.add(chunk.subarray(from));
      if (this.element.isLong) await this.element.handOn();
    } else if (this.state === 'after') this.skip(chunk, at);
    this.position += chunk.length;
    return elements;
  }

  /** Passes white space before and after the array; returns where the elements begin, if the array begins here. */
  private skip(chunk: Uint8Array, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      const byte = chunk[at]!;
      if (isSpace(byte) || (byte === BOM[this.position + at] && this.state === 'before')) continue;
      if (this.state === 'before' && byte === 0x5b) {
        this.state = 'inside';
        this.element.reset(this.position + at + 1);
        return at + 1;
      }
      this.stray ??= { byte, offset: this.position + at };
      break;
    }
    return chunk.length;
  }

  /** Takes one byte in the array; true when an element ends before it. */
  private endsAt(byte: number): boolean {
    if (this.inString) {
      if (this.escaped) this.escaped = false;
      else if (byte === BACKSLASH) this.escaped = true;
      else if (byte === QUOTE) this.inString = false;
      return false;
    }
    if (byte === QUOTE) this.inString = true;
    else if (byte === COMMA) return this.depth === 0;
    else if (OPENERS.has(byte)) this.depth += 1;
    else if (CLOSERS.has(byte)) return --this.depth < 0;
    return false;
  }
}

/** Without the white space around: a record's range in the file is the record alone. */
function trimmed(span: Span<LongRecord>): Span<LongRecord> {
  const { start, end, bytes, long } = span;
  if (long !== null) return { ...span, start: start + long.around[0], end: end - long.around[1] };
  if (bytes === null) return span;
  let first = 0;
  let last = bytes.length;
  while (first < last && isSpace(bytes[first]!)) first += 1;
  while (last > first && isSpace(bytes[last - 1]!)) last -= 1;
  return { ...span, start: start + first, end: start + last, bytes: bytes.subarray(first, last) };
}
