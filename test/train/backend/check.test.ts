/** Backends that are not what they should be: each is refused for what it does, and takes nothing with it. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, expect, it, test } from 'vitest';
import { check, NOT_INSTALLED, OUTDATED } from '../../../src/train/backend/check.ts';
import { folderOf } from '../../../src/train/backend/native.ts';
import { temporaryFolder } from '../../support/folders.ts';
import { ROOT, start } from '../../support/prep.ts';

const train = (args: readonly string[], cwd: string, env: NodeJS.ProcessEnv) =>
  start(process.execPath, [join(ROOT, 'dist/bundle/train.js'), ...args], cwd, env).ended;

const before = process.env['ULTRAPREP_CACHE'];
afterEach(() => {
  if (before === undefined) delete process.env['ULTRAPREP_CACHE'];
  else process.env['ULTRAPREP_CACHE'] = before;
});

/** Puts a package where `train setup` would. */
function pretend(code: string): void {
  process.env['ULTRAPREP_CACHE'] = temporaryFolder();
  const dir = join(folderOf('tfjs-node'), 'node_modules/@tensorflow/tfjs-node');
  mkdirSync(dir, { recursive: true });
  writeFileSync(join(dir, 'package.json'), '{"name":"@tensorflow/tfjs-node","main":"index.js"}');
  writeFileSync(join(dir, 'index.js'), code);
}
/** The backend `tensorflow` in name only: wasm's own, with one kernel changed. */
const fake = (change: string): string => `
  const engine = globalThis._tfengine;
  const cpu = engine.registryFactory.cpu.factory;
  engine.registerBackend('tensorflow', cpu, 9);
  const kernels = globalThis._tfGlobals.get('kernelRegistry');
  for (const [key, config] of [...kernels])
    if (key.startsWith('cpu_')) kernels.set('tensorflow_' + key.slice(4), { ...config, backendName: 'tensorflow' });
  ${change}
`;

it.each([
  ['kills its process', 'process.kill(process.pid, "SIGKILL")', /died of SIGKILL/],
  ['ends its process', 'process.exit(3)', /ended with 3/],
  ['does not load', 'throw new Error("libsomething.so: cannot open")', /libsomething\.so/],
  ['lacks a part', 'require("@mapbox/node-pre-gyp")', /node-pre-gyp/],
  ['registers nothing', '', /fails: .*tensorflow/],
  [
    'computes wrongly',
    fake(`const mul = kernels.get('tensorflow_Multiply');
      kernels.set('tensorflow_Multiply', { ...mul, kernelFunc: (call) => {
        const out = mul.kernelFunc(call);
        const data = call.backend.data.get(out.dataId);
        if (data.values.length > 3) data.values[3] *= 1.01;
        return out;
      } });`),
    /self-check: \w+ is/,
  ],
])('one that %s is refused', async (_, code, reason) => {
  pretend(code);
  const found = await check('tfjs-node');
  expect(found.reason).toMatch(reason);
});

it('one that computes as cpu does is taken, so that the refusals above mean something', async () => {
  pretend(fake(''));
  expect(await check('tfjs-node')).toMatchObject({ reason: null });
});

test('train doctor names every backend, and how to get those that are not there', async () => {
  const cwd = temporaryFolder();
  const { code, stdout } = await train(['doctor'], cwd, { ULTRAPREP_CACHE: cwd });
  expect(code).toBe(0);
  expect(stdout).toMatch(/tfjs-node-gpu +not installed: train setup --gpu\n/);
  expect(stdout).toMatch(/tfjs-node +not installed: train setup\n/);
  expect(stdout).toMatch(/webgpu +not installed: train setup --webgpu/);
  expect(stdout).toMatch(/wasm +ok, TensorFlow\.js [\d.]+, [\d.]+ GFLOP\/s\n/);
  expect(stdout).toMatch(/`train` uses wasm\./);
});

test('train setup that cannot reach npm says so, and leaves nothing behind', async () => {
  const cwd = temporaryFolder();
  const env = { ULTRAPREP_CACHE: cwd, npm_config_registry: 'http://127.0.0.1:1', npm_config_fetch_retries: '0' };
  const { code, stderr } = await train(['setup'], cwd, env);
  expect([code, stderr]).toEqual([75, expect.stringMatching(/SETUP_FAILED: npm install .*ECONNREFUSED.*registry/)]);
  const { stdout } = await train(['doctor', '--json'], cwd, env);
  expect(stdout).toContain('{"backend":"tfjs-node","ok":false,"reason":"not installed"');
});

it('a backend that another version set up is told apart from one that is missing', async () => {
  const folder = (process.env['ULTRAPREP_CACHE'] = temporaryFolder());
  expect(await check('webgpu')).toMatchObject({ reason: NOT_INSTALLED });
  for (const other of ['webgpu-4.0.0-linux-x64', 'tfjs-node-gpu-4.0.0-linux-x64'])
    mkdirSync(join(folder, 'backends', other), { recursive: true });
  expect(await check('webgpu')).toMatchObject({ reason: OUTDATED });
  expect(await check('tfjs-node-gpu')).toMatchObject({ reason: OUTDATED });
  // Its name begins like the other's.
  expect(await check('tfjs-node')).toMatchObject({ reason: NOT_INSTALLED });
});
