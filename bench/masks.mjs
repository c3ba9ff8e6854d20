/**
 * Block masks of a window of 131072 tokens with 1, 100 and 10,000 documents: time, bytes stored and bytes allocated, under each
 * policy; and torch's `create_block_mask` for the same documents on the same CPU, where .venv has it (`npm run venv`). The table goes to
 * bench/results/masks.json and into docs/masks-and-noise.md, so that no number there is written by hand.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { fileURLToPath } from 'node:url';
import { blockMask, POLICY_NAMES } from '../dist/mask/index.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = join(root, 'docs/masks-and-noise.md');
const LENGTH = 131072;
const DOCUMENTS = [1, 100, 10_000];
/** Number, policy, longest group, pairs and the offsets of two lists. */
const ROW_BYTES = 28;
const LIMITS = {
  milliseconds: 1,
  bytes: (documents) => 32 * 1024 + 4 * documents,
  allocated: 4 * 1024 * 1024,
  times: 1000,
};

function segmentsOf(documents) {
  const segments = [];
  for (let i = 0, start = 0; i < documents; i++) {
    const end = Math.floor(((i + 1) * LENGTH) / documents);
    // Groups of three documents, for `hybrid`.
    segments.push({ start, length: end - start, group: Math.floor(i / 3) });
    start = end;
  }
  return segments;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc');
const used = () => process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;

function measure(policy, documents) {
  const segments = segmentsOf(documents);
  const make = () => blockMask(segments, LENGTH, LENGTH, policy);
  const times = [];
  for (let i = 0; i < 300; i++) {
    const began = performance.now();
    make();
    times.push(performance.now() - began);
  }
  times.sort((a, b) => a - b);
  collect();
  const before = used();
  const mask = make();
  const allocated = used() - before;
  const bytes = mask.blockMask.byteLength + mask.cuSeqlens.byteLength + ROW_BYTES;
  return { policy, documents, milliseconds: times[150], bytes, allocated };
}

const ours = POLICY_NAMES.flatMap((policy) => DOCUMENTS.map((documents) => measure(policy, documents)));
const python = join(root, process.env.ULTRAPREP_PYTHON ?? '.venv/bin/python');
const torch = existsSync(python)
  ? spawnSync(python, ['-W', 'ignore', 'bench/masks/torch_masks.py', LENGTH, ...DOCUMENTS].map(String), {
      cwd: root,
      encoding: 'utf8',
    })
      .stdout.trim()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line))
  : [];
if (torch.length === 0) console.warn('bench: no torch in .venv, its part is left out');
const compared = torch.map((one) => {
  const { milliseconds } = ours.find(({ policy, documents }) => policy === 'adaptive' && documents === one.documents);
  return { ...one, times: (one.seconds * 1000) / milliseconds };
});
const misses = [
  ...ours.flatMap(({ policy, documents, milliseconds, bytes, allocated }) => [
    ...(milliseconds < LIMITS.milliseconds ? [] : [`${policy}, ${documents} documents: ${milliseconds} ms`]),
    ...(bytes < LIMITS.bytes(documents) ? [] : [`${policy}, ${documents} documents: ${bytes} bytes`]),
    ...(allocated < LIMITS.allocated ? [] : [`${policy}, ${documents} documents: ${allocated} bytes allocated`]),
  ]),
  ...compared
    .filter(({ times }) => times < LIMITS.times)
    .map(({ documents, times }) => `torch, ${documents} documents: ${times} x`),
];
const result = { length: LENGTH, cpu: cpus()[0]?.model ?? '', node: process.version, ours, torch: compared, misses };
writeFileSync(join(root, 'bench/results/masks.json'), `${JSON.stringify(result, null, 2)}\n`);

const integer = (value) => Math.round(value).toLocaleString('en');
const table = [
  '| policy | documents | time | stored | allocated |',
  '| --- | --- | --- | --- | --- |',
  ...ours.map(
    (one) =>
      `| \`${one.policy}\` | ${integer(one.documents)} | ${one.milliseconds.toFixed(3)} ms | ${integer(one.bytes)} bytes | ${integer(one.allocated / 1024)} KiB |`,
  ),
  '',
  ...(compared.length === 0
    ? []
    : [
        `| torch ${compared[0].torch}, \`create_block_mask\` | documents | tokens | time | of ours (\`adaptive\`) |`,
        '| --- | --- | --- | --- | --- |',
        ...compared.map(
          ({ compiled, documents, length, seconds, times }) =>
            `| ${compiled ? '`_compile=True`' : 'eager: it cannot compile here'} | ${integer(documents)} | ${integer(length)} | ${seconds.toFixed(2)} s | ${integer(times)}x |`,
        ),
      ]),
];
writeFileSync(
  page,
  readFileSync(page, 'utf8').replace(
    /(<!-- bench:masks -->\n)[^]*?(?=<!-- \/bench:masks -->)/,
    (_, mark) => `${mark}\n${table.join('\n')}\n\n`,
  ),
);
console.log(table.join('\n'));
for (const miss of misses) console.log(`missed: ${miss}`);
