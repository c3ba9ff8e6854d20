import { type Key, philox, STREAM } from '../core/random.ts';
import { KERNEL } from './kernel/kernel.generated.ts';

/** kernel/index.as.ts */
type Fill = (out: number, blocks: number, key0: number, key1: number, use: number) => void;

const PAGE = 65536;
let compiled: WebAssembly.Module | undefined;

/** The random words of a window's positions; room for one window, which the next one takes. */
export class PositionWords {
  readonly #fill: Fill;
  readonly #words: Uint32Array;

  constructor(windowLength: number) {
    compiled ??= new WebAssembly.Module(Buffer.from(KERNEL, 'base64'));
    const room = Math.ceil(windowLength / 16) * 16;
    const pages = Math.ceil((4 * room) / PAGE);
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const { exports } = new WebAssembly.Instance(compiled, { env: { memory } });
    this.#fill = exports['words'] as Fill;
    this.#words = new Uint32Array(memory.buffer, 0, room);
  }

  /** [>= length] word (i mod 4) of counter (i div 4, 0, 0, STREAM.position) at i. */
  of([low, high]: Key, length: number): Uint32Array {
    this.#fill(0, Math.ceil(length / 4), low, high, STREAM.position);
    return this.#words;
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
