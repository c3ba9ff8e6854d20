import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';

import { keyOf, philox } from '../../../src/core/random.ts';
import { KERNEL } from '../../../src/train/backend/kernel/kernel.generated.ts';
import type { Multiply } from '../../../src/train/backend/product-job.ts';
import { type Piece, piecesOf, type Product } from '../../../src/train/backend/product-pieces.ts';
import { ProductThreads } from '../../../src/train/backend/product-threads.ts';

type Sizes = Pick<Product, 'batch' | 'm' | 'n' | 'k' | 'leftTurned' | 'rightTurned'>;

/** A product of arbitrary values in a memory of its own, and this thread's way to make a piece of it. */
class Bench {
  readonly memory: WebAssembly.Memory;
  readonly product: Product;
  readonly #multiply: Multiply;
  readonly #scratch: number;
  readonly scratchBytes: number;
  /** Pieces made on this thread since `clear`. */
  made: Piece[] = [];

  constructor(sizes: Sizes) {
    const { batch, m, n, k } = sizes;
    const right = 4 * batch * m * k;
    const out = right + 4 * batch * k * n;
    const end = out + 4 * batch * m * n;
    const pages = Math.ceil(end / 65536) + 16;
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
    const kernel = new WebAssembly.Module(Buffer.from(KERNEL, 'base64'));
    const { exports } = new WebAssembly.Instance(kernel, { env: { memory: this.memory } });
    this.scratchBytes = (exports['scratchBytes'] as WebAssembly.Global).value;
    this.product = { ...sizes, left: 0, right, out };
    this.#multiply = exports['multiply'] as Multiply;
    this.#scratch = Math.ceil(end / 64) * 64;
    const draw = new Uint32Array(4);
    const values = new Float32Array(this.memory.buffer, 0, out / 4);
    for (let i = 0; i < values.length; i += 4) {
      philox(draw, keyOf(1), i, 0, 0, 99);
      for (let j = 0; j < 4 && i + j < values.length; j++) values[i + j] = draw[j]! / 2 ** 31 - 1;
    }
  }

  readonly here = (piece: Piece): void => {
    const { left, right, out, m, n, k, leftTurned, rightTurned } = this.product;
    this.made.push(piece);
    this.#multiply(left + 4 * piece.left, leftTurned ? m : k, right + 4 * piece.right, out + 4 * piece.out, piece.rows, n, k,
      Number(leftTurned), Number(rightTurned), this.#scratch); // prettier-ignore
  };

  /** Results of last time are gone. */
  clear(): void {
    this.made = [];
    this.#result.fill(NaN);
  }

  get #result(): Float32Array {
    const { batch, m, n, out } = this.product;
    return new Float32Array(this.memory.buffer, out, batch * m * n);
  }

  get bytes(): Buffer {
    return Buffer.from(this.#result.slice().buffer);
  }

  alone(): Buffer {
    this.clear();
    piecesOf(this.product).forEach(this.here);
    return this.bytes;
  }

  with(threads: ProductThreads): Buffer {
    this.clear();
    threads.multiply(this.product, piecesOf(this.product), this.memory, this.here);
    return this.bytes;
  }
}

async function started(threads: ProductThreads, count: number): Promise<ProductThreads> {
  while (threads.ready < count) await sleep(5);
  return threads;
}

const ways = [false, true].flatMap((leftTurned) => [false, true].map((rightTurned) => ({ leftTurned, rightTurned })));
const sizes: Omit<Sizes, 'leftTurned' | 'rightTurned'>[] = [
  { batch: 1, m: 205, n: 37, k: 301 },
  { batch: 3, m: 131, n: 9, k: 70 },
  // 66 MiB of results: more than is shared at once.
  { batch: 1, m: 2052, n: 8400, k: 5 },
  // Fewer rows than pieces want.
  { batch: 70, m: 5, n: 64, k: 33 },
];

describe('a product made by several threads', () => {
  let threads: ProductThreads | undefined;
  it.each(sizes.flatMap((size) => ways.map((way) => ({ ...size, ...way }))))('has the same bits: %o', async (size) => {
    const bench = new Bench(size);
    const wanted = bench.alone();
    const all = bench.made.length;
    threads ??= await started(new ProductThreads(2, bench.scratchBytes), 2);
    let shared = 0;
    // A thread may come too late for its share: the machine is busy.
    for (let i = 0; i < 1000 && shared < 3; i++) {
      expect(bench.with(threads).equals(wanted)).toBe(true);
      if (bench.made.length < all) shared++;
    }
    expect(shared).toBe(3);
  });

  const size = { batch: 1, m: 256, n: 16, k: 16, leftTurned: false, rightTurned: false };
  const script = (code: string): URL =>
    new URL(`data:text/javascript,${encodeURIComponent(`import { workerData } from 'node:worker_threads'; ${code}`)}`);

  it('is made here where a thread took a piece and died', async () => {
    const bench = new Bench(size);
    const wanted = bench.alone();
    const file = script(`const job = new Int32Array(workerData.memory.buffer);
      Atomics.add(job, 3, 1);
      while (Atomics.load(job, 0) < 1 || Atomics.sub(job, 0, 1) < 1);`);
    const threads = await started(new ProductThreads(1, bench.scratchBytes, { file, patience: 50 }), 1);
    while (threads.ready > 0) expect(bench.with(threads).equals(wanted)).toBe(true);
    expect(bench.with(threads).equals(wanted)).toBe(true);
  });

  it('is made here where no thread starts', async () => {
    const bench = new Bench(size);
    const wanted = bench.alone();
    const threads = new ProductThreads(1, bench.scratchBytes, { file: script('throw new Error("no")') });
    for (let i = 0; i < 10; i++) {
      expect(bench.with(threads).equals(wanted)).toBe(true);
      await sleep(10);
    }
    expect(threads.ready).toBe(0);
  });

  it('does not keep the process alive', async () => {
    const at = (path: string): string =>
      JSON.stringify(new URL(`../../../dist/train/backend/${path}`, import.meta.url));
    const code = `
      import { ProductThreads } from ${at('product-threads.js')};
      const threads = new ProductThreads(1, 1 << 20);
      const turn = setInterval(() => threads.ready > 0 && (console.log('started'), clearInterval(turn)), 5);`;
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code]);
    expect(stdout).toBe('started\n');
  });
});
