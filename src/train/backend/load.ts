import util from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { type Optional, requireOptional } from './native.ts';
import { isFused } from '../model/fused.ts';
import { registerNativeKernels } from './native-kernels.ts';
import { patchWasmKernels } from './wasm-kernels.ts';
import { provideWebGpu } from './webgpu.ts';

/** In order of preference; webgpu only where it is asked for. */
export const BACKENDS = ['tfjs-node-gpu', 'tfjs-node', 'webgpu', 'wasm', 'cpu'] as const;
export type BackendName = (typeof BACKENDS)[number];

/** The name TensorFlow.js knows each by. */
const ENGINE_NAME: Record<BackendName, string> = {
  'tfjs-node-gpu': 'tensorflow',
  'tfjs-node': 'tensorflow',
  webgpu: 'webgpu',
  wasm: 'wasm',
  cpu: 'cpu',
};

/** Loads a backend and makes it the active one, unchecked. Throws what went wrong. */
export async function activate(name: BackendName): Promise<void> {
  // Without it the cpu backend greets with an advertisement for tfjs-node.
  tf.enableProdMode();
  await load(name);
  const wanted = ENGINE_NAME[name];
  // `setBackend` can fail and carry on with another one: compare what is active afterwards.
  await tf.setBackend(wanted);
  await tf.ready();
  if (tf.getBackend() !== wanted) throw new Error(`asked for ${wanted}, got ${tf.getBackend()}`);
  if (name === 'tfjs-node-gpu' && !nativeBackend().isUsingGpuDevice) throw new Error('it finds no GPU');
  // They are for the processor: on a GPU each would copy its tensors to memory and back.
  if (name === 'tfjs-node') registerNativeKernels();
}

async function load(name: BackendName): Promise<void> {
  switch (name) {
    case 'cpu':
      await import('@tensorflow/tfjs-backend-cpu');
      return;
    case 'wasm':
      await import('@tensorflow/tfjs-backend-wasm');
      patchWasmKernels();
      return;
    case 'webgpu':
      return provideWebGpu(installed(name));
    default:
      // Node 23 took away a function they call.
      (util as { isNullOrUndefined?: (x: unknown) => boolean }).isNullOrUndefined ??= (x) =>
        x === null || x === undefined;
      // Each start would log what processor it was built for.
      process.env.TF_CPP_MIN_LOG_LEVEL ??= '2';
      for (const load of installed(name)) load();
  }
}

function installed(name: Optional): (() => unknown)[] {
  const packages = requireOptional(name);
  if (!packages) throw new Error('not installed');
  return packages;
}

interface NativeBackend {
  readonly isUsingGpuDevice?: boolean;
  readonly binding?: { readonly TF_Version?: string };
}
const nativeBackend = (): NativeBackend => tf.backend() as unknown as NativeBackend;

/** Of what the active backend is, such as `TensorFlow 2.21.0`. */
export const versionOf = (name: BackendName): string =>
  name.startsWith('tfjs-node')
    ? `TensorFlow ${nativeBackend().binding?.TF_Version ?? ''}${isFused('UltraprepNorm') ? ', with operations of its own' : ''}`
    : `TensorFlow.js ${tf.version_core}`;
