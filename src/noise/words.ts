import { type Key, philox, STREAM } from '../core/random.ts';
import { KERNEL } from './kernel/kernel.generated.ts';

/** kernel/index.as.ts */
type Fill = (out: number, blocks: number, ...keyAndCounters: number[]) => void;

const PAGE = 65536;
let compiled: WebAssembly.Module | undefined;

/** Philox words by the block of four; room for some blocks, which the next call takes. */
class Words {
  readonly #fill: Fill;
  readonly words: Uint32Array;

  constructor(blocks: number) {
    compiled ??= new WebAssembly.Module(Buffer.from(KERNEL, 'base64'));
    const room = Math.ceil(blocks / 4) * 16;
    const pages = Math.ceil((4 * room) / PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
    this.#fill = exports['words'] as Fill;
    this.words = new Uint32Array(memory.buffer, 0, room);
  }

  /** Of counters (i, 0, 0, use). */
  positions(blocks: number, [low, high]: Key, use: number): void {
    this.#fill(0, blocks, low, high, 0, 1, 0, 0, 0, use);
  }

  /** Of counters (c0, first + i, c2, use). */
  units(blocks: number, [low, high]: Key, c0: number, first: number, c2: number, use: number): void {
    this.#fill(0, blocks, low, high, c0, 0, first, 1, c2, use);
  }
}

/** The random words of a window's positions; room for one window, which the next one takes. */
export class PositionWords {
  readonly #words: Words;

  constructor(windowLength: number) {
    this.#words = new Words(Math.ceil(windowLength / 4));
  }

  /** [>= length] word (i mod 4) of counter (i div 4, 0, 0, STREAM.position) at i. */
  of(key: Key, length: number): Uint32Array {
    this.#words.positions(Math.ceil(length / 4), key, STREAM.position);
    return this.#words.words;
  }
}

const UNITS_AT_ONCE = 1024;
let forUnits: Words | undefined;

/** Hands the four words of each unit of a window in a pass to `take`, from the first unit on. */
export function unitWords(
  seed: Key,
  window: number,
  pass: number,
  count: number,
  take: (words: Uint32Array, at: number) => void,
): void {
  forUnits ??= new Words(UNITS_AT_ONCE);
  const { words } = forUnits;
  for (let first = 0; first < count; first += UNITS_AT_ONCE) {
    const some = Math.min(UNITS_AT_ONCE, count - first);
    forUnits.units(some, seed, window, first, pass, STREAM.time);
    for (let i = 0; i < some; i++) take(words, 4 * i);
  }
}

/**
 * What a unit is drawn again from when the first draw must not be: its tokens' second words, and two numbers in [0, 1).
 * Rare, so one position costs a block.
 */
export class SecondDraw {
  readonly #key: Key;
  readonly #draw = new Uint32Array(4);
  readonly place: number;
  readonly side: number;

  constructor(key: Key, unitStart: number) {
    this.#key = key;
    philox(this.#draw, key, unitStart, 0, 0, STREAM.again);
    this.place = fraction(this.#draw[0]!, this.#draw[1]!);
    this.side = fraction(this.#draw[2]!, this.#draw[3]!);
  }

  word(position: number): number {
    philox(this.#draw, this.#key, position >>> 2, 1, 0, STREAM.position);
    return this.#draw[position & 3]!;
  }
}

/** A number in [0, 1) of 53 bits. */
const fraction = (high: number, low: number): number => (high * 2 ** 21 + (low >>> 11)) / 2 ** 53;
