import { isPrepError } from '../../core/errors.ts';
import { commitFile } from '../../io/commit.ts';
import { commitFolder } from '../../io/commit-folder.ts';
import { listFolder, makeFolder, remove } from '../../io/files.ts';
import { isThere, runCommand } from './command.ts';
import { NATIVE_OPS } from './native-ops.generated.ts';
import { folderOf, type Optional, PACKAGES, TENSORFLOW_VERSION } from './native.ts';

export interface SetupOptions {
  /** Told what is begun. */
  readonly onStep: (title: string) => void;
  readonly signal?: AbortSignal;
}

/** N-API's headers: stable from Node to Node, 5 MB less to fetch than Node's own. */
const HEADERS = 'node-api-headers@1.9.0';
/** What PyPI calls the library without and with CUDA. */
const WHEEL = { 'tfjs-node': 'tensorflow_cpu', 'tfjs-node-gpu': 'tensorflow[and-cuda]' } as const;
/** N-API versions the addon is looked for under: 8 is the newest it knows, and every Node from 16 has it. */
const NAPI = 8;

/**
 * Installs an optional backend into a folder of its own, as a whole or not at all. The native ones are built against the TensorFlow of PyPI
 * where that can be (Linux with pip and a C++ compiler), since TensorFlow.js's own download is TensorFlow 2.9 with CUDA 11.2, of 2022;
 * elsewhere with that one. SETUP_FAILED says which command failed and what to do. Returns the folder.
 */
export async function setUp(name: Optional, { onStep, signal }: SetupOptions): Promise<string> {
  const folder = folderOf(name);
  const install = (fill: (dir: string) => Promise<void>): Promise<void> =>
    commitFolder(
      folder,
      async (dir) => {
        await commitFile(`${dir}/package.json`, '{"private":true}\n');
        await fill(dir);
      },
      () => remove(folder),
    );
  const npm = async (dir: string, ...args: readonly string[]): Promise<void> => {
    const options = { cwd: dir, signal, wayOut: 'see that npm reaches its registry' };
    await runCommand('npm', ['install', '--no-audit', '--no-fund', ...args, ...PACKAGES[name]], options);
  };
  onStep(`npm packages: ${PACKAGES[name].join(', ')}`);
  if (name === 'webgpu') {
    await install((dir) => npm(dir));
    return folder;
  }
  let why = await lackingForBuild();
  if (why === null) {
    let building = false;
    try {
      await install(async (dir) => {
        await npm(dir, '--ignore-scripts', HEADERS);
        building = true;
        await build(dir, name, { onStep, ...(signal && { signal }) });
      });
      return folder;
    } catch (error) {
      if (!building || signal?.aborted || !isPrepError(error) || error.code !== 'SETUP_FAILED') throw error;
      why = error.message;
    }
  }
  onStep(`TensorFlow.js's own download, because ${why}`);
  await install((dir) => npm(dir));
  return folder;
}

/** What is needed to build the addon and is not there; null: nothing. */
async function lackingForBuild(): Promise<string | null> {
  if (process.platform !== 'linux') return `the library of PyPI is used on Linux, this is ${process.platform}`;
  if (!(await isThere('python3', '-m', 'pip', '--version'))) return 'python3 with pip is missing';
  if (!(await isThere('c++', '--version'))) return 'a C++ compiler (c++) is missing';
  return null;
}

/**
 * The wheel's library, and the addon of `dir`'s package compiled against it: all of TensorFlow.js's symbols are in it, and no
 * source of its own is changed; operations of ours are put beside them (native-ops/). The library is found by a path from the addon, so that the folder may be moved.
 */
async function build(dir: string, name: keyof typeof WHEEL, { onStep, signal }: SetupOptions): Promise<void> {
  const wheel = `${WHEEL[name]}==${TENSORFLOW_VERSION}`;
  onStep(`library: ${wheel} from PyPI`);
  const machine = process.arch === 'arm64' ? 'aarch64' : 'x86_64';
  const platforms = ['manylinux_2_28', 'manylinux_2_27', 'manylinux_2_17', 'manylinux2014'].flatMap((tag) => [
    '--platform',
    `${tag}_${machine}`,
  ]);
  const pip = ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', '--no-compile', '--target', 'pypi'];
  // The wheels differ in their Python parts alone; any will do.
  const any = ['--only-binary=:all:', '--python-version', '3.12', ...platforms];
  const alone = name === 'tfjs-node' ? ['--no-deps'] : [];
  const wayOut = 'see that pip reaches PyPI, and that 4 GB of disk are free';
  await runCommand('python3', [...pip, ...any, ...alone, wheel], { cwd: dir, signal, wayOut });

  onStep('addon: compiling');
  const module = `node_modules/@tensorflow/${name}`;
  await makeFolder(`${dir}/${module}/lib/napi-v${NAPI}`);
  await makeFolder(`${dir}/native-ops`);
  for (const [file, source] of Object.entries(NATIVE_OPS)) await commitFile(`${dir}/native-ops/${file}`, source);
  const library = 'pypi/tensorflow';
  const args = (operations: readonly string[]): string[] => [
    '-std=c++17',
    '-O3',
    // Loops over tensors become vector instructions: nobody asks for errno, and sums may be made in any order where it is said.
    '-fopenmp-simd',
    '-fno-math-errno',
    '-fno-trapping-math',
    '-fPIC',
    '-shared',
    // Its threads run until the process ends: it must not be unloaded under them.
    '-Wl,-z,nodelete',
    '-pthread',
    `-DNAPI_VERSION=${NAPI}`,
    ...['node_modules/node-api-headers/include', 'node_modules/@tensorflow', `${library}/include`].map(
      (at) => `-I${at}`,
    ),
    ...['tfjs_backend', 'tfjs_binding'].map((source) => `${module}/binding/${source}.cc`),
    ...operations.map((file) => `native-ops/${file}`),
    '-o',
    `${module}/lib/napi-v${NAPI}/tfjs_binding.node`,
    `-L${library}`,
    '-l:libtensorflow_cc.so.2',
    '-l:libtensorflow_framework.so.2',
    `-Wl,-rpath,$ORIGIN/../../../../../${library}`,
  ];
  const compile = (operations: readonly string[]): Promise<void> =>
    runCommand('c++', args(operations), { cwd: dir, signal, wayOut: 'see that g++ or clang is whole' });
  await compile(Object.keys(NATIVE_OPS).filter((file) => file.endsWith('.cc'))).catch(async (error: unknown) => {
    if (signal?.aborted || !isPrepError(error)) throw error;
    onStep(`addon: compiling without operations of its own, because ${error.message}`);
    await compile([]);
  });
  // Python's own parts, 450 MB and with CUDA 1.5 GB more: nothing of them is loaded.
  const used = {
    '': ['tensorflow', 'nvidia'],
    '/tensorflow': ['libtensorflow_cc.so.2', 'libtensorflow_framework.so.2'],
  };
  for (const [below, kept] of Object.entries(used))
    for (const part of await listFolder(`${dir}/pypi${below}`))
      if (!kept.includes(part)) await remove(`${dir}/pypi${below}/${part}`);
}
