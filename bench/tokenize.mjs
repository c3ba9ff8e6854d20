// npm run bench:tokenize: this tokenizer beside the ones people use, interleaved in rounds. See --help.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { loadCorpora, sampleOf, writeDocuments } from './tokenize/corpus.mjs';
import { ENGINES } from './tokenize/engines.mjs';
import { GOAL, measureHostile } from './tokenize/hostile.mjs';
import { layOut, measureAll } from './tokenize/measure.mjs';
import { prepareModels } from './tokenize/models.mjs';
import { publicPath, readOptions, USAGE } from './tokenize/options.mjs';
import { measureSecondStart } from './tokenize/second-start.mjs';
import { align, DEFINITION, machine, printTable, summarise } from './tokenize/report.mjs';

const write = (text) => process.stdout.write(text);
const log = (text) => process.stderr.write(`${text}\n`);
const load = () => Number(loadavg()[0].toFixed(1));

async function compare(options) {
  const scratch = mkdtempSync(join(tmpdir(), 'ultraprep-bench-'));
  process.once('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const before = load();
  const { source, corpora: loaded } = await loadCorpora(options.corpus);
  log(`Corpus: ${source}`);
  const corpora = loaded.map((corpus) =>
    layOut(corpus, sampleOf(corpus.documents, options.limitBytes), (name, documents) => {
      const path = join(scratch, `${name}.documents`);
      writeDocuments(path, documents);
      return path;
    }),
  );
  const models = prepareModels(options.tokenizer, scratch);
  const { engines: wanted } = options;
  const engines = ENGINES.filter(({ name }) => wanted.length === 0 || wanted.some((part) => name.includes(part)));
  const measured = await measureAll({ engines, corpora, models, rounds: options.rounds, log });
  const tokenizer = publicPath(options.tokenizer);
  const summary = {
    date: options.date,
    machine: machine(),
    loadAverage: [before, load()],
    definition: DEFINITION,
    tokenizer: { file: tokenizer, sha256: models.sha256, vocabulary: models.vocabulary },
    source,
    rounds: options.rounds,
    limitMegabytes: options.limit,
    ...summarise({ ...measured, engines, corpora }),
    secondStartMilliseconds: measureSecondStart(options.tokenizer, join(scratch, 'cache')),
  };
  printTable(summary, { source, tokenizer, limit: options.limit, write });
  return summary;
}

async function hostile(options) {
  const before = load();
  const shapes = await measureHostile(options.tokenizer, log);
  const sizes = Object.keys(Object.values(shapes)[0].milliseconds);
  const rows = [['', ...sizes.map((size) => `${size} KiB, CPU ms`), '1 MiB wall', 'worst doubling', '']];
  for (const [shape, { milliseconds, wallMilliseconds1MiB, worstDoubling }] of Object.entries(shapes)) {
    const fits = worstDoubling <= GOAL.perDoubling && wallMilliseconds1MiB <= GOAL.milliseconds1MiB;
    rows.push([shape, ...Object.values(milliseconds), wallMilliseconds1MiB, worstDoubling, fits ? '' : 'ABOVE']);
  }
  write(align(rows));
  write(
    `Goal: at most ${GOAL.perDoubling} a doubling from 64 to 512 KiB, ${GOAL.milliseconds1MiB} ms for 1 MiB. Caches emptied before each.\n`,
  );
  const tokenizer = publicPath(options.tokenizer);
  return { date: options.date, machine: machine(), loadAverage: [before, load()], tokenizer, goal: GOAL, shapes };
}

try {
  const options = readOptions(process.argv.slice(2));
  if (options.help) write(`${USAGE}\n`);
  else {
    const results = await (options.hostile ? hostile(options) : compare(options));
    mkdirSync(dirname(options.out), { recursive: true });
    writeFileSync(options.out, `${JSON.stringify(results, null, 2)}\n`);
    log(`Written to ${publicPath(options.out)}`);
  }
} catch (error) {
  log(`bench:tokenize: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}
