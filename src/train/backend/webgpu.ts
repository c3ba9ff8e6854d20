import * as tf from '@tensorflow/tfjs-core';

interface Dawn {
  create(flags: readonly string[]): unknown;
  readonly globals: object;
}
interface Device {
  addEventListener(name: 'uncapturederror', listener: (event: { error: { message: string } }) => void): void;
}

/**
 * Makes Node look like a browser with WebGPU (Dawn), as TensorFlow.js asks for; `loads` are Dawn's and the backend's. An operation that the
 * device refuses would go unnoticed and leave garbage: it becomes an error.
 */
export async function provideWebGpu(loads: readonly (() => unknown)[]): Promise<void> {
  const dawn = loads[0]!() as Dawn;
  Object.assign(globalThis, dawn.globals);
  const navigator = { gpu: dawn.create([]), userAgent: 'node' };
  // Node 21 and later have one of their own, without `gpu`. The backend looks for it as it is loaded.
  Object.defineProperty(globalThis, 'navigator', { value: navigator, configurable: true });
  loads[1]!();
  if (!(await tf.setBackend('webgpu')) || tf.getBackend() !== 'webgpu') throw new Error('finds no GPU that it takes');
  const { device } = tf.backend() as unknown as { device: Device };
  device.addEventListener('uncapturederror', ({ error }) => {
    throw new Error(`WebGPU: ${error.message.split('\n')[0]}`);
  });
  // Dawn keeps the process alive as long as it is there.
  process.once('beforeExit', () => void Reflect.deleteProperty(navigator, 'gpu'));
}
