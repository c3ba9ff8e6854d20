import * as tf from '@tensorflow/tfjs-core';

interface Dawn {
  create(flags: readonly string[]): unknown;
  readonly globals: object;
}
interface Device {
  addEventListener(name: 'uncapturederror', listener: (event: { error: { message: string } }) => void): void;
}

/**
 * Makes Node look like a browser with WebGPU (Dawn), as TensorFlow.js asks for; `load` brings its backend and Dawn. An operation that the
 * device refuses would go unnoticed and leave garbage: it becomes an error.
 */
export async function provideWebGpu(load: () => unknown[]): Promise<void> {
  const scope = globalThis as { navigator?: object };
  const navigator: { gpu?: unknown; userAgent: string } = { userAgent: 'node' };
  Object.defineProperty(scope, 'navigator', { value: navigator, configurable: true });
  // The backend reads `navigator.gpu` as it is loaded, from whichever of the two is loaded last.
  const lazily = { get: () => undefined as unknown };
  Object.defineProperty(navigator, 'gpu', { get: () => lazily.get(), configurable: true });
  const [, dawn] = load() as [unknown, Dawn];
  Object.assign(globalThis, dawn.globals);
  const gpu = dawn.create([]);
  lazily.get = () => gpu;
  await tf.setBackend('webgpu');
  if (tf.getBackend() !== 'webgpu') throw new Error('no adapter that it takes');
  const { device } = tf.backend() as unknown as { device: Device };
  device.addEventListener('uncapturederror', ({ error }) => {
    throw new Error(`WebGPU: ${error.message.split('\n')[0]}`);
  });
  // Dawn keeps the process alive.
  process.once('beforeExit', () => Object.defineProperty(navigator, 'gpu', { value: undefined }));
}
