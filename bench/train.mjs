/**
 * A training step (loss, gradients, AdamW) of the same model on the same documents from the same parameters: tfjs-node and wasm beside
 * PyTorch on the same CPU, whole processes in turn. Ratios are medians of pairs; losses must agree. --cases d128-1k,... --rounds 3
 * --backends tfjs-node,wasm. The table goes to bench/results/train.json and into
 * docs/training.md, so that no number there is written by hand.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { saveCheckpoint } from '../dist/train/checkpoint/checkpoint.js';
import { activate } from '../dist/train/backend/load.js';
import { isInstalled } from '../dist/train/backend/native.js';
import { initialParameters } from '../dist/train/model/parameters.js';
import { CASES, configOf, slabOf } from './train/work.mjs';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: Object.keys(CASES).join() },
    backends: { type: 'string', default: 'tfjs-node,wasm' },
    rounds: { type: 'string', default: '3' },
  },
});
const root = fileURLToPath(new URL('..', import.meta.url));
const python = join(root, process.env.ULTRAPREP_PYTHON ?? '.venv/bin/python');
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
/** Losses of two sides may differ by as much, relative, after a few steps. */
const AGREE = 1e-3;

function run(command, args) {
  const { stdout, stderr, status } = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1e9 });
  const last = stdout.trim().split('\n').at(-1);
  if (status === 0 && last?.startsWith('{')) return JSON.parse(last);
  throw new Error(`${command} ${args.join(' ')}: ${stderr.trim().split('\n').at(-1)}`);
}

const backends = values.backends.split(',').filter((name) => {
  if (isInstalled(name)) return true;
  console.warn(`bench: ${name} is not installed (train setup), it is left out`);
  return false;
});
const torch = existsSync(python) && spawnSync(python, ['-c', 'import torch']).status === 0;
if (!torch) console.warn('bench: no torch in .venv (npm run venv), it is left out');

const work = mkdtempSync(join(tmpdir(), 'bench-train-'));
process.once('exit', () => rmSync(work, { recursive: true }));
await activate('cpu');
const results = [];
for (const name of values.cases.split(',')) {
  const folder = join(work, name);
  mkdirSync(folder);
  const config = configOf(CASES[name]);
  await saveCheckpoint(folder, initialParameters(config, 1), config, {});
  const slab = Object.fromEntries(Object.entries(slabOf(CASES[name])).map(([key, list]) => [key, Array.from(list)]));
  writeFileSync(join(folder, 'case.json'), JSON.stringify({ ...slab, steps: CASES[name].steps }));
  const sides = {
    ...Object.fromEntries(backends.map((backend) => [backend, ['node', ['bench/train/step.mjs', name, backend]]])),
    ...(torch && { torch: [python, ['bench/train/torch_step.py', join(folder, 'case.json'), folder]] }),
  };
  const found = Object.fromEntries(Object.keys(sides).map((side) => [side, []]));
  for (let round = 0; round < Number(values.rounds); round++)
    for (const [side, [command, args]] of Object.entries(sides)) found[side].push(run(command, args));
  for (const side of Object.keys(sides)) {
    const seconds = found[side].map((one) => median(one.seconds));
    const peakMiB = median(found[side].map((one) => one.peakMiB));
    const row = { case: name, ...CASES[name], side, seconds: median(seconds), peakMiB, losses: found[side][0].losses };
    if (torch) {
      row.timesTorch = median(seconds.map((s, i) => median(found.torch[i].seconds) / s));
      row.memoryOfTorch = peakMiB / median(found.torch.map((one) => one.peakMiB));
      const apart = Math.max(...row.losses.map((loss, i) => Math.abs(loss / found.torch[0].losses[i] - 1)));
      if (!(apart < AGREE)) throw new Error(`${name}: losses of ${side} and torch are ${apart} apart`);
      row.lossesApart = apart;
    }
    results.push(row);
    const beside = torch
      ? ` · ${row.timesTorch.toFixed(2)}x torch's speed, ${row.memoryOfTorch.toFixed(2)}x its memory`
      : '';
    console.log(`${name} ${side}: ${row.seconds.toFixed(3)} s a step, ${Math.round(peakMiB)} MiB${beside}`);
  }
}
// How much more a token costs at 131,072 than at 8,192, in documents of 1,024.
const attention = backends.map((backend) => ({ backend, ...run('node', ['bench/train/attention.mjs', backend]) }));
for (const { backend, ofLinear } of attention) console.log(`attention ${backend}: ${ofLinear.toFixed(2)}x linear`);
const result = { cpu: cpus()[0].model, cores: cpus().length, node: process.version, results, attention };
writeFileSync(join(root, 'bench/results/train.json'), `${JSON.stringify(result, null, 2)}\n`);

const table = [
  '| model, tokens in documents | | a step | of PyTorch’s speed | peak memory | of PyTorch’s |',
  '| --- | --- | --- | --- | --- | --- |',
  ...results.map((one) =>
    [
      '',
      `width ${one.d}, ${one.layers} layers, ${one.vocabulary} ids; ${one.tokens} in ${one.documents}`,
      one.side === 'torch' ? 'PyTorch' : `\`${one.side}\``,
      `${one.seconds.toFixed(2)} s`,
      one.timesTorch ? `${one.timesTorch.toFixed(2)}x` : '',
      `${Math.round(one.peakMiB)} MiB`,
      one.memoryOfTorch ? `${one.memoryOfTorch.toFixed(2)}x` : '',
      '',
    ]
      .join(' | ')
      .trim(),
  ),
];
const linear = attention.map(({ backend, ofLinear }) => `${ofLinear.toFixed(2)}x on \`${backend}\``).join(', ');
if (linear)
  table.push(
    '',
    `A token of attention, in documents of 1,024, costs at 131,072 tokens of what it costs at 8,192: ${linear}.`,
  );
const page = join(root, 'docs/training.md');
writeFileSync(
  page,
  readFileSync(page, 'utf8').replace(
    /(<!-- bench:train -->\n)[^]*?(?=<!-- \/bench:train -->)/,
    (_, mark) => `${mark}\n${table.join('\n')}\n\n`,
  ),
);
