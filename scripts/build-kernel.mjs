// Compiles the kernels (AssemblyScript: the tokenizer's, the noise's and the trainer's) to WebAssembly and writes each as a module, so
// that nothing has to be found or read at run time: 22 KB, 1 KB and twice 4 KB of base64.
import { writeFile } from 'node:fs/promises';
import asc from 'assemblyscript/asc';

const flags = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--importMemory'];
/** For memory that threads share: another type to WebAssembly, which also wants its limit, 64 MiB, in the code. */
const shared = ['--enable', 'threads', '--sharedMemory', '--maximumMemory', '1024'];
const kernels = {
  'src/tokenize/kernel': { KERNEL: [] },
  'src/noise/kernel': { KERNEL: [] },
  'src/train/backend/kernel': { KERNEL: [], SHARED_KERNEL: shared },
};
for (const [folder, variants] of Object.entries(kernels)) {
  let module = `/** Made by scripts/build-kernel.mjs from ${folder}/*.as.ts. */\n`;
  for (const [name, more] of Object.entries(variants)) {
    let wasm;
    const { error, stderr } = await asc.main([`${folder}/index.as.ts`, '-o', 'kernel.wasm', ...flags, ...more], {
      writeFile(file, contents) {
        if (file === 'kernel.wasm') wasm = contents;
      },
    });
    if (error || !wasm) {
      process.stderr.write(`${String(stderr)}\n${error?.message ?? 'no output'}\n`);
      process.exit(1);
    }
    module += `export const ${name} =\n  '${Buffer.from(wasm).toString('base64')}';\n`;
  }
  await writeFile(`${folder}/kernel.generated.ts`, module);
}
