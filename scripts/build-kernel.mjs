// Compiles the kernels (AssemblyScript: the tokenizer's, the noise's and the trainer's) to WebAssembly and writes each as a module, so that
// nothing has to be found or read at run time: 22 KB, 1 KB and 4 KB of base64.
import { writeFile } from 'node:fs/promises';
import asc from 'assemblyscript/asc';

const flags = ['-O3', '--converge', '--noAssert', '--runtime', 'stub', '--enable', 'simd', '--importMemory'];
for (const folder of ['src/tokenize/kernel', 'src/noise/kernel', 'src/train/backend/kernel']) {
  let wasm;
  const { error, stderr } = await asc.main([`${folder}/index.as.ts`, '-o', 'kernel.wasm', ...flags], {
    writeFile(name, contents) {
      if (name === 'kernel.wasm') wasm = contents;
    },
  });
  if (error || !wasm) {
    process.stderr.write(`${String(stderr)}\n${error?.message ?? 'no output'}\n`);
    process.exit(1);
  }
  const text = Buffer.from(wasm).toString('base64');
  await writeFile(
    `${folder}/kernel.generated.ts`,
    `/** Made by scripts/build-kernel.mjs from ${folder}/*.as.ts. */\nexport const KERNEL =\n  '${text}';\n`,
  );
}
