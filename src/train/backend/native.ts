import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { cacheFolder } from '../../io/cache.ts';
import { listFolder } from '../../io/files.ts';
import { NATIVE_OPS_HASH } from './native-ops.generated.ts';

/** What `train setup` can install; nobody who only prepares shards is made to download 400 MB and more. */
export type Optional = 'tfjs-node-gpu' | 'tfjs-node' | 'webgpu';

/** TensorFlow.js's own version: its parts must be of one. */
export const TFJS_VERSION = '4.22.0';
/** PyPI's TensorFlow that the addon is built against: has kernels for GPUs of today, where TensorFlow.js's own 2.9 has CUDA 11.2's. */
export const TENSORFLOW_VERSION = '2.21.0';

export const PACKAGES: Record<Optional, readonly [string, ...string[]]> = {
  'tfjs-node-gpu': [`@tensorflow/tfjs-node-gpu@${TFJS_VERSION}`],
  'tfjs-node': [`@tensorflow/tfjs-node@${TFJS_VERSION}`],
  webgpu: ['webgpu@0.6.2', `@tensorflow/tfjs-backend-webgpu@${TFJS_VERSION}`],
};

/** Where `train setup` puts a backend: by what it is made of, so that another version does not meet its files. */
export const folderOf = (name: Optional): string =>
  join(
    cacheFolder(),
    'backends',
    // WebGPU has none of the operations that are compiled in.
    `${name}-${TFJS_VERSION}-${TENSORFLOW_VERSION}${name === 'webgpu' ? '' : `-${NATIVE_OPS_HASH}`}-${process.platform}-${process.arch}`,
  );

/** Folders of the same backend that another version of this package set up. */
export async function olderFoldersOf(name: Optional): Promise<string[]> {
  const own = folderOf(name);
  const beside = dirname(own);
  const others = await listFolder(beside);
  return others
    .filter((other) => other.startsWith(`${name}-`) && /^\d/.test(other.slice(name.length + 1)))
    .map((other) => join(beside, other))
    .filter((other) => other !== own);
}

const names = (name: Optional): string[] => PACKAGES[name].map((spec) => spec.slice(0, spec.lastIndexOf('@')));

/** Those beside this package, where the user has installed them, come before those of `train setup`. */
const placesOf = (name: Optional): string[] => [import.meta.url, join(folderOf(name), 'index.js')];

/** Finds the packages of a backend without loading them: a `require` for them, or null. */
function finder(name: Optional): NodeJS.Require | null {
  for (const place of placesOf(name)) {
    const require = createRequire(place);
    try {
      for (const specifier of names(name)) require.resolve(specifier);
      return require;
    } catch {
      // The next place, or none.
    }
  }
  return null;
}

export const isInstalled = (name: string): boolean => !(name in PACKAGES) || finder(name as Optional) !== null;

/** The packages of a backend, each loaded when it is called for; null where they are not installed. Throws what loading them throws. */
export const requireOptional = (name: Optional): (() => unknown)[] | null => {
  const require = finder(name);
  return require && names(name).map((specifier) => () => require(specifier) as unknown);
};
