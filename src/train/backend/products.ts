import { availableParallelism } from 'node:os';
import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';

import { KERNEL } from './kernel/kernel.generated.ts';
import type { Multiply } from './product-job.ts';
import { type Piece, piecesOf, type Product } from './product-pieces.ts';
import { ProductThreads } from './product-threads.ts';

/** Operations of 0.3 ms: with fewer, copies and the time a thread takes to wake are as long as what it does. */
const WORTH_SHARING = 12e6;
/** More would wait for the copies that one thread makes. */
const MOST_THREADS = 4;

type Exports = { readonly multiply: Multiply; readonly scratchBytes: WebAssembly.Global };
/** Of Emscripten's module. */
type Module = { readonly asm: { readonly memory: WebAssembly.Memory }; _malloc(bytes: number): number };

const found = new WeakMap<BackendWasm, (product: Product) => void>();

/**
 * Products in the backend's memory. The kernel runs on that memory itself: nothing is copied, and 640 KiB of it are taken once for blocks. Large
 * products are shared with other threads.
 */
export function productsOf(backend: BackendWasm): (product: Product) => void {
  let multiply = found.get(backend);
  if (!multiply) {
    multiply = start(backend.wasm as unknown as Module);
    found.set(backend, multiply);
  }
  return multiply;
}

function start(module: Module): (product: Product) => void {
  const { memory } = module.asm;
  const kernel = new WebAssembly.Module(Buffer.from(KERNEL, 'base64'));
  const { multiply, scratchBytes } = new WebAssembly.Instance(kernel, { env: { memory } }).exports as Exports;
  const scratch = module._malloc(scratchBytes.value);
  if (scratch === 0) throw new Error('matMul: no memory for its blocks');
  let threads: ProductThreads | null | undefined;
  return (product) => {
    const { left, right, out, batch, m, n, k, leftTurned, rightTurned } = product;
    const here = (piece: Omit<Piece, 'matrix'>): void =>
      multiply(left + 4 * piece.left, leftTurned ? m : k, right + 4 * piece.right, out + 4 * piece.out, piece.rows, n, k,
        Number(leftTurned), Number(rightTurned), scratch); // prettier-ignore
    const large = 2 * batch * m * n * k >= WORTH_SHARING;
    if (large && threads === undefined) threads = startThreads(scratchBytes.value);
    if (large && threads) threads.multiply(product, piecesOf(product), memory, here);
    else for (let i = 0; i < batch; i++) here({ rows: m, left: i * m * k, right: i * k * n, out: i * m * n });
  };
}

/** Null where there is one processor, or Node has no thread to give. */
function startThreads(scratchBytes: number): ProductThreads | null {
  const more = Math.min(availableParallelism(), MOST_THREADS) - 1;
  try {
    return more > 0 ? new ProductThreads(more, scratchBytes) : null;
  } catch {
    return null;
  }
}
