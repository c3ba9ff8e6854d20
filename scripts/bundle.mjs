// Puts what dist/ has in hundreds of modules, apache-arrow's 146 among them, into one file for each command and thread and a few
// that they share: starting is mostly loading modules, a millisecond each. dist/ itself stays as tsc made it, for types,
// tests and benchmarks. Paths beside the package (schemas, pipelines) are as far from dist/bundle as from dist/run.
import { rmSync } from 'node:fs';
import { rolldown } from 'rolldown';

/** Packages that are loaded at every start; the others stay what they are and are found in node_modules. */
const INSIDE = /^(apache-arrow|flatbuffers|tslib|commander|yaml|@noble\/hashes)(\/|$)/;
const ENTRIES = {
  prep: 'dist/cli/prep.js',
  train: 'dist/cli/train.js',
  'backend-check': 'dist/train/backend/backend-check.js',
  'product-thread': 'dist/train/backend/product-thread.js',
  worker: 'dist/run/worker.js',
  reader: 'dist/run/reader.js',
  'verify-worker': 'dist/run/verify-worker.js',
};

rmSync('dist/bundle', { recursive: true, force: true });
const bundle = await rolldown({
  input: ENTRIES,
  platform: 'node',
  external: (id, _importer, resolved) => !resolved && !/^[./]/.test(id) && !INSIDE.test(id),
});
await bundle.write({
  dir: 'dist/bundle',
  format: 'esm',
  entryFileNames: '[name].js',
  chunkFileNames: '[name]-[hash].js',
});
