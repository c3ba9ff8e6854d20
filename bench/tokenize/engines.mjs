import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { repository } from './options.mjs';

const here = dirname(fileURLToPath(import.meta.url));
const node = (module, option) => ({ command: process.execPath, args: [join(here, 'serve.mjs'), module, option] });
const pythons = ['.venv/bin/python', '.venv/Scripts/python.exe'].map((path) => join(repository, path));
const python = (module, threads) => ({
  command: pythons.find((path) => existsSync(path)),
  args: [join(here, 'serve.py'), module, String(threads)],
});

export const OURS = 'ultraprep, 2 threads';
export const REFERENCE = 'HF tokenizers 0.23, encodeBatch, 2 threads';

/**
 * Everything measured, in the order of a round: what is divided by one another stands side by side. `scope`: the whole
 * corpus, or the sample for engines so slow that the whole would take minutes. `model`: which form of the file it takes
 * (models.mjs). `pip`: what to install where it is missing.
 */
export const ENGINES = [
  { name: OURS, threads: 2, scope: 'all', model: 'original', ...node('ours.mjs', '2') },
  { name: REFERENCE, threads: 2, scope: 'sample', model: 'plain', ...node('huggingface.mjs', 'batch') },
  { name: 'ultraprep, 2 threads, sample', threads: 2, scope: 'sample', model: 'original', ...node('ours.mjs', '2') },
  { name: 'ultraprep, 1 thread', threads: 1, scope: 'all', model: 'original', ...node('ours.mjs', '1') },
  {
    name: 'HF tokenizers 0.23, encodeBatch, 1 thread',
    threads: 1,
    scope: 'sample',
    model: 'plain',
    ...node('huggingface.mjs', 'batch'),
  },
  {
    name: 'HF tokenizers 0.23, encode',
    threads: 1,
    scope: 'sample',
    model: 'plain',
    ...node('huggingface.mjs', 'encode'),
  },
  { name: 'tiktoken WASM', threads: 1, scope: 'sample', model: 'tiktoken', ...node('tiktoken.mjs', '') },
  ...pythonPeer('HF tokenizers 1.0rc (Python)', 'huggingface', 'plain', '--no-deps tokenizers==1.0.0rc3'),
  ...pythonPeer('quicktok (Python)', 'quicktok', 'quicktok', 'quicktok-v1==0.4.0'),
  ...pythonPeer('gigatoken (Python)', 'gigatoken', 'plain', 'gigatoken==0.10.0'),
];

function pythonPeer(name, module, model, pip) {
  return [1, 2].map((threads) => ({
    name: `${name}, ${threads} thread${threads > 1 ? 's' : ''}`,
    threads,
    scope: 'all',
    model,
    pip,
    ...python(module, threads),
  }));
}
