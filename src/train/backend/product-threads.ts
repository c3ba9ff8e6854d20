import { Worker } from 'node:worker_threads';

import { SHARED_KERNEL } from './kernel/kernel.generated.ts';
import { JOB, MOST_PIECES, PIECE_NUMBERS, TABLE_END, type ThreadData } from './product-job.ts';
import { type Piece, type Place, placeOf, type Product } from './product-pieces.ts';

const PAGE = 65536;
/** Operands and results of one job; a larger product is several. */
const MOST_BYTES = 32 * 2 ** 20;
/** No piece takes so long: the thread is dead, and its pieces are made again. */
const PATIENCE_MS = 20_000;
/** From sources (tests) the compiled file is used: Node 20 cannot load TypeScript. */
const FILE = new URL(
  import.meta.url.endsWith('.ts') ? '../../../dist/train/backend/product-thread.js' : './product-thread.js',
  import.meta.url,
);

/**
 * Threads that make the last pieces of a product while this one makes the first. TensorFlow.js's memory is its own, so operands are copied to one
 * that is shared, and results back. Where no thread runs, everything is done here; the bits are the same. They end with the process.
 */
export class ProductThreads {
  readonly #memory: WebAssembly.Memory;
  readonly #job: Int32Array;
  readonly #floats: Float32Array;
  /** Where operands begin. */
  readonly #room: number;
  readonly #patience: number;
  #alive = true;

  /** Throws where Node lets no thread start. */
  constructor(count: number, scratchBytes: number, { file = FILE, patience = PATIENCE_MS } = {}) {
    const scratch = Math.ceil(scratchBytes / 64) * 64;
    this.#room = TABLE_END + count * scratch;
    this.#patience = patience;
    const pages = Math.ceil((this.#room + MOST_BYTES) / PAGE);
    this.#memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    this.#job = new Int32Array(this.#memory.buffer);
    this.#floats = new Float32Array(this.#memory.buffer);
    const kernel = new WebAssembly.Module(Buffer.from(SHARED_KERNEL, 'base64'));
    for (let i = 0; i < count; i++) {
      const workerData: ThreadData = { kernel, memory: this.#memory, scratch: TABLE_END + i * scratch };
      const thread = new Worker(file, { workerData, execArgv: [] });
      thread.on('error', () => (this.#alive = false));
      thread.unref();
    }
  }

  /** Threads that have started. */
  get ready(): number {
    return this.#alive ? Atomics.load(this.#job, JOB.ready) : 0;
  }

  /** Makes `pieces`, which follow one another, of a product in `heap`; `here` makes one on this thread. */
  multiply(product: Product, pieces: readonly Piece[], heap: WebAssembly.Memory, here: (piece: Piece) => void): void {
    const mine = Math.ceil(pieces.length / (this.ready + 1));
    const theirs = pieces.slice(mine);
    if (theirs.length === 0) return pieces.forEach(here);
    const place = placeOf(product, theirs, this.#room);
    if (theirs.length > MOST_PIECES || place.end > this.#memory.buffer.byteLength) {
      if (pieces.length < 4) return pieces.forEach(here);
      const half = pieces.length >> 1;
      this.multiply(product, pieces.slice(0, half), heap, here);
      return this.multiply(product, pieces.slice(half), heap, here);
    }
    this.#handOut(product, theirs, place, heap);
    const taken = new Set<Piece>();
    try {
      for (let i = 0; i < mine; i++) here(pieces[i]!);
      for (let i; (i = Atomics.sub(this.#job, JOB.left, 1)) > 0;) {
        const piece = theirs[i - 1]!;
        taken.add(piece);
        here(piece);
      }
    } catch (error) {
      // Other threads are still at this product: another must not be handed out over it.
      this.#alive = false;
      throw error;
    }
    const finished = this.#waitFor(theirs.length - taken.size);
    for (const piece of theirs)
      if (!taken.has(piece))
        if (finished) this.#copyBack(product, piece, place, heap);
        else here(piece);
  }

  #handOut(product: Product, theirs: readonly Piece[], { left, right, out }: Place, heap: WebAssembly.Memory): void {
    const from = new Float32Array(heap.buffer);
    for (const [address, range] of [
      [product.left, left],
      [product.right, right],
    ] as const)
      this.#floats.set(from.subarray(address / 4 + range.from, address / 4 + range.to), range.at / 4);
    const { n, k, m, leftTurned, rightTurned } = product;
    this.#job.set([n, k, leftTurned ? m : k, Number(leftTurned), Number(rightTurned)], JOB.n);
    theirs.forEach((piece, i) => {
      const [l, r, o] = [
        left.at + 4 * (piece.left - left.from),
        right.at + 4 * (piece.right - right.from),
        out.at + 4 * (piece.out - out.from),
      ];
      this.#job.set([l, r, o, piece.rows], JOB.pieces + PIECE_NUMBERS * i);
    });
    Atomics.store(this.#job, JOB.done, 0);
    // From here on pieces are taken.
    Atomics.store(this.#job, JOB.left, theirs.length);
    Atomics.add(this.#job, JOB.round, 1);
    Atomics.notify(this.#job, JOB.round);
  }

  /** Until so many pieces are finished; false: they never will be. */
  #waitFor(pieces: number): boolean {
    for (let done; (done = Atomics.load(this.#job, JOB.done)) < pieces;)
      if (Atomics.wait(this.#job, JOB.done, done, this.#patience) === 'timed-out') return (this.#alive = false);
    return true;
  }

  #copyBack({ out, n }: Product, piece: Piece, place: Place, heap: WebAssembly.Memory): void {
    const from = place.out.at / 4 + piece.out - place.out.from;
    new Float32Array(heap.buffer).set(this.#floats.subarray(from, from + piece.rows * n), out / 4 + piece.out);
  }
}
