import type { BackendWasm } from '@tensorflow/tfjs-backend-wasm';

import { KERNEL } from './kernel/kernel.generated.ts';

/** `multiply` of kernel/index.as.ts, with addresses in the backend's memory. */
export type Multiply = (
  left: number, right: number, out: number, m: number, n: number, k: number,
  leftTurned: boolean, rightTurned: boolean,
) => void; // prettier-ignore

type Exports = {
  readonly multiply: (...call: [...Parameters<Multiply>, scratch: number]) => void;
  readonly scratchBytes: WebAssembly.Global;
};
/** Of Emscripten's module. */
type Module = { readonly asm: { readonly memory: WebAssembly.Memory }; _malloc(bytes: number): number };

const found = new WeakMap<BackendWasm, Multiply>();

/** The product kernel on the backend's own memory: nothing is copied, and 640 KiB of it are taken once for blocks. */
export function productsOf(backend: BackendWasm): Multiply {
  let multiply = found.get(backend);
  if (!multiply) {
    const module = backend.wasm as unknown as Module;
    const { memory } = module.asm;
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(KERNEL, 'base64')), {
      env: { memory },
    });
    const kernel = exports as Exports;
    const scratch = module._malloc(kernel.scratchBytes.value);
    if (scratch === 0) throw new Error('matMul: no memory for its blocks');
    multiply = (...call) => kernel.multiply(...call, scratch);
    found.set(backend, multiply);
  }
  return multiply;
}
