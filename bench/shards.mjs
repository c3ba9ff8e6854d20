// npm run bench:shards: our reader and writer of shards beside a plain read of the same bytes and mosaicml-streaming.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { publicPath, repository } from './tokenize/options.mjs';
import { align, machine } from './tokenize/report.mjs';

const USAGE = `npm run bench:shards -- [options]

  --window N        tokens in a window; default 131072
  --windows N       how many; default 1024 (512 MiB of 131072)
  --passes N        over all of them in a measurement, after one that is not timed; default 10
  --rounds N        how often each takes its turn; default 5
  --dir DIR         where the windows go; default a temporary folder
  --out FILE        default bench/results/shards.json
  --date YYYY-MM-DD written into the results; default today`;

const OURS = join(repository, 'bench/shards/ours.mjs');
const PEER = join(repository, 'bench/shards/peer.py');
const PYTHON = process.env.ULTRAPREP_PYTHON ?? join(repository, '.venv/bin/python');
const PLAIN = 'plain pread';
const MOSAIC = 'mosaicml-streaming';
const READERS = {
  [PLAIN]: 'pread',
  'ultraprep: ids': 'ids',
  'ultraprep: ids and boundaries': 'window',
  'ultraprep: all of it, block mask too': 'record',
  'ultraprep: all, in memory of its own': 'fresh',
};
const WRITER = 'ultraprep';

const DEFINITION =
  'Windows a second, one thread reading, page cache and code warm; each measurement is a process of its own, they take turns, and ' +
  'ratios are medians over the rounds. Plain pread and all of ultraprep but the last read into one buffer, of the same files. ' +
  'mosaicml-streaming (LocalDataset, MDSWriter) has the ids as its only column. ultraprep’s writer hashes and syncs each ' +
  'shard to disk before it counts; mosaicml-streaming’s does neither.';

const log = (text) => process.stderr.write(`${text}\n`);

function child(command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${[command, ...args].join(' ')}\n${stderr}`);
  const { windows, seconds, cpuSeconds } = JSON.parse(stdout);
  return { wall: windows / seconds, cpu: windows / cpuSeconds };
}

/** Name to its measurements, a list a round, of those that run here. */
function measure(options, scratch) {
  const { window, windows, passes, rounds } = options;
  const [corpus, mds, written] = ['corpus', 'mds', 'written'].map((name) => join(scratch, name));
  const size = [String(window), String(windows)];
  log('Writing the windows to be read ...');
  child(process.execPath, [OURS, corpus, 'corpus', ...size]);
  const peer =
    existsSync(PYTHON) &&
    spawnSync(PYTHON, ['-c', 'import peers; peers.mosaic()'], {
      env: { ...process.env, PYTHONPATH: join(repository, 'test/interop') },
    }).status === 0;
  if (peer) child(PYTHON, [PEER, mds, 'write', ...size]);
  else log(`No mosaicml-streaming for ${publicPath(PYTHON)} (npm run venv): ultraprep alone.`);
  const results = { sequential: {}, random: {}, write: {} };
  const add = (kind, name, value) => (results[kind][name] ??= []).push(value);
  for (let round = 1; round <= rounds; round++) {
    log(`Round ${round} of ${rounds}`);
    for (const order of ['sequential', 'random']) {
      for (const [name, how] of Object.entries(READERS))
        add(order, name, child(process.execPath, [OURS, corpus, `${how} ${order}`, String(passes)]));
      if (peer) add(order, MOSAIC, child(PYTHON, [PEER, mds, `read ${order}`, String(passes)]));
    }
    rmSync(written, { recursive: true, force: true });
    add('write', WRITER, child(process.execPath, [OURS, written, 'write', ...size]));
    if (peer) add('write', MOSAIC, child(PYTHON, [PEER, `${mds}-written`, 'write', ...size]));
  }
  return results;
}

const median = (values) => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
};
/** Median over the rounds of one over the other, of the same round: by the clock, and by the time on a core. */
function over(kind, name, other) {
  if (!kind[name] || !kind[other]) return null;
  const ratio = (of) => Number(median(kind[name].map((round, i) => round[of] / kind[other][i][of])).toFixed(2));
  return { wall: ratio('wall'), perCpuSecond: ratio('cpu') };
}

function summarise(results) {
  const summary = {};
  for (const [kind, measured] of Object.entries(results)) {
    summary[kind] = {};
    for (const [name, rounds] of Object.entries(measured))
      summary[kind][name] = {
        windowsPerSecond: Math.round(median(rounds.map(({ wall }) => wall))),
        windowsPerCpuSecond: Math.round(median(rounds.map(({ cpu }) => cpu))),
        ...(kind !== 'write' && { overPread: over(measured, name, PLAIN) }),
        overMosaic: over(measured, name, MOSAIC),
      };
  }
  return summary;
}

function table(summary) {
  return Object.entries(summary).map(([kind, measured]) =>
    align([
      [kind, 'windows/s', 'per CPU second', 'over pread (CPU)', 'over mosaicml-streaming (CPU)'],
      ...Object.entries(measured).map(([name, row]) => [
        ` ${name}`,
        row.windowsPerSecond.toLocaleString('en-US'),
        row.windowsPerCpuSecond.toLocaleString('en-US'),
        ratio(row.overPread),
        ratio(row.overMosaic),
      ]),
    ]),
  );
}

const ratio = (over) => (over ? `${over.wall} (${over.perCpuSecond})` : '');

const { values } = parseArgs({
  options: {
    window: { type: 'string', default: '131072' },
    windows: { type: 'string', default: '1024' },
    passes: { type: 'string', default: '10' },
    rounds: { type: 'string', default: '5' },
    dir: { type: 'string' },
    out: { type: 'string', default: join(repository, 'bench/results/shards.json') },
    date: { type: 'string', default: new Date().toISOString().slice(0, 10) },
    help: { type: 'boolean', default: false },
  },
});
if (values.help) process.stdout.write(`${USAGE}\n`);
else {
  const [window, windows, passes, rounds] = ['window', 'windows', 'passes', 'rounds'].map((name) =>
    Number(values[name]),
  );
  const scratch = mkdtempSync(join(values.dir ?? tmpdir(), 'ultraprep-bench-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const load = () => Number(loadavg()[0].toFixed(1));
  const before = load();
  const measured = summarise(measure({ window, windows, passes, rounds }, scratch));
  process.stdout.write(`${table(measured).join('\n')}\n${DEFINITION}\n`);
  const results = {
    date: values.date,
    machine: machine(),
    loadAverage: [before, load()],
    definition: DEFINITION,

    window,
    windows,
    passes,
    rounds,
    ...measured,
  };
  const out = resolve(values.out);
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, `${JSON.stringify(results, null, 2)}\n`);
  log(`Written to ${publicPath(out)}`);
}
