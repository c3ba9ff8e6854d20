import { cpus, totalmem } from 'node:os';
import { median } from './measure.mjs';
import { OURS, REFERENCE } from './engines.mjs';

export const DEFINITION =
  'Documents in memory in the form the engine takes (UTF-8 bytes: ultraprep, gigatoken; strings: the others) to ids in ' +
  'memory, in the thread or the native object that made them; reading, JSON and strings are not timed, nor is fetching ' +
  'ids out of Encoding objects. Every engine gets a process of its own each round. Start-up is a table of its own: library, ' +
  'vocabulary, a first word; here also compiling the kernel and filling its cache with the commonest tokens. first: the ' +
  'first pass after it. again: the second (the median of more, where they are short). emptied: a pass with what the word ' +
  'cache learned forgotten, ultraprep only. MB/s: 10^6 bytes of UTF-8 a second of wall time; per core: a CPU-second of the ' +
  'whole process. Ratios (ours over it, with as many threads) are medians of the rounds, each within its round.';

/** `Must reach` of the issue: [floor first, floor again, aim first]. */
const GOALS = { en: [40, 60, 100], code: [35, 60, 100], zh: [10, 12, 30] };

export const machine = () => ({
  cpu: cpus()[0]?.model ?? 'unknown',
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  platform: `${process.platform} ${process.arch}`,
  node: process.version,
});

/** Medians, ratios and exactness of all rounds. */
export function summarise({ results, skipped, engines, corpora }) {
  const summary = { engines: {}, corpora: {}, startup: {}, skipped };
  for (const { name, threads, scope } of engines) {
    const runs = corpora.flatMap((corpus) => results[corpus.name]?.[name] ?? []);
    if (runs.length === 0) continue;
    summary.engines[name] = { version: runs[0].version ?? 'this checkout', threads, scope };
    const of = (unit) => Math.round(median(runs.map(({ load }) => load[unit])));
    summary.startup[name] = { milliseconds: of('milliseconds'), cpuMilliseconds: of('cpuMilliseconds') };
  }
  for (const corpus of corpora) {
    const runs = results[corpus.name];
    const rows = {};
    for (const name of Object.keys(summary.engines)) {
      if (!runs[name]) continue;
      rows[name] = {
        first: speeds(runs[name], 'cold'),
        again: speeds(runs[name], 'warm'),
        ...(runs[name][0].forgotten && { emptied: speeds(runs[name], 'forgotten') }),
        documentsThatDiffer: differing(runs, name),
        megabytesResident: Math.round(runs[name][0].megabytesResident),
      };
    }
    const { all, sample } = corpus;
    summary.corpora[corpus.name] = {
      documents: all.documents,
      bytes: all.bytes,
      sample: { documents: sample.documents, bytes: sample.bytes },
      engines: rows,
      oursOver: Object.fromEntries(
        Object.keys(rows)
          .filter((name) => !name.startsWith('ultraprep'))
          .map((name) => [name, ratios(runs, ours(summary.engines[name].threads), name)]),
      ),
      coresHad: coresHad(runs),
      oursOnTheSampleOverReference: ratios(runs, `${OURS}, sample`, REFERENCE),
    };
  }
  return summary;
}

/** Cores that two threads really had, on the way; undefined when not measured. A busy machine gives less than 2. */
function coresHad(runs) {
  const of = (name) => runs[name] && round(median(runs[name].map(({ cold }) => cold.wall / cold.cpu)));
  return { ours: of(OURS), reference: of(REFERENCE) };
}

const ours = (threads) => (threads === 2 ? OURS : 'ultraprep, 1 thread');

const round = (value) => Number(value.toPrecision(4));

function speeds(runs, pass) {
  const wall = runs.map((run) => round(run[pass].wall));
  const perCore = runs.map((run) => round(run[pass].cpu));
  return { megabytesPerSecond: round(median(wall)), perCore: round(median(perCore)), rounds: { wall, perCore } };
}

/** How many documents of the sample have other ids than the reference; null when it was not measured. */
function differing(runs, name) {
  const reference = Object.keys(runs).find((other) => other.startsWith('HF tokenizers 0.23') && runs[other]);
  if (reference === undefined) return null;
  const expected = runs[reference][0].digests;
  return runs[name][0].digests.filter((digest, i) => digest !== expected[i]).length;
}

/** Ours over theirs, the median of rounds; undefined unless both were measured. */
function ratios(runs, mine, theirs) {
  const rounds = Math.min(runs[mine]?.length ?? 0, runs[theirs]?.length ?? 0);
  if (rounds === 0) return undefined;
  const of = (ratio) => round(median(Array.from({ length: rounds }, (_, i) => ratio(runs[mine][i], runs[theirs][i]))));
  return {
    first: of((a, b) => a.cold.wall / b.cold.wall),
    again: of((a, b) => a.warm.wall / b.warm.wall),
    firstPerCore: of((a, b) => a.cold.cpu / b.cold.cpu),
    againPerCore: of((a, b) => a.warm.cpu / b.warm.cpu),
    ...(runs[mine][0].forgotten && {
      emptied: of((a, b) => a.forgotten.wall / b.cold.wall),
      emptiedPerCore: of((a, b) => a.forgotten.cpu / b.cold.cpu),
    }),
  };
}

/** The results for people. */
export function printTable(summary, { source, tokenizer, limit, write }) {
  write(
    `\nCorpus: ${source}. Tokenizer: ${tokenizer}. ${summary.machine.cpu}, ${summary.machine.cores} cores, Node ${summary.machine.node}.\n`,
  );
  write(
    `Load average ${summary.loadAverage.join(' -> ')} (before -> after): on a busy machine only ratios mean something.\n`,
  );
  for (const [name, corpus] of Object.entries(summary.corpora)) {
    write(
      `\n${name}: ${megabytes(corpus.bytes)} MB, ${corpus.documents} documents; engines marked * a seeded sample of ` +
        `${megabytes(corpus.sample.bytes)} MB, ${corpus.sample.documents} documents (--limit ${limit}); ids compared on the sample\n`,
    );
    const rows = [
      [
        '',
        'first',
        'per core',
        'again',
        'per core',
        'emptied',
        'per core',
        'ids differ',
        'ours: first',
        'again',
        'per core: first',
        'again',
      ],
    ];
    for (const [engine, row] of Object.entries(corpus.engines)) {
      const over = corpus.oursOver[engine];
      rows.push([
        (summary.engines[engine].scope === 'sample' ? '*' : ' ') + engine,
        row.first.megabytesPerSecond,
        row.first.perCore,
        row.again.megabytesPerSecond,
        row.again.perCore,
        row.emptied?.megabytesPerSecond ?? '',
        row.emptied?.perCore ?? '',
        row.documentsThatDiffer ?? '?',
        over ? `${over.first}x` : '',
        over ? `${over.again}x` : '',
        over ? `${over.firstPerCore}x` : '',
        over ? `${over.againPerCore}x` : '',
      ]);
    }
    write(align(rows));
    verdict(name, corpus, write);
  }
  const startup = [['\nStart-up: library, vocabulary from JSON, first word, fresh process', 'ms', 'CPU ms']];
  for (const [engine, { milliseconds, cpuMilliseconds }] of Object.entries(summary.startup))
    startup.push([` ${engine} (${summary.engines[engine].version})`, milliseconds, cpuMilliseconds]);
  startup.push([' ultraprep, 1 thread, a second start: the model from its cache', summary.secondStartMilliseconds, '']);
  write(align(startup));
  for (const [engine, why] of Object.entries(summary.skipped)) write(`Skipped ${engine}: ${why}\n`);
  write(`\n${DEFINITION}\n`);
}

function verdict(name, corpus, write) {
  const against = corpus.oursOver[REFERENCE];
  if (!against) return;
  const [first, again, aim] = GOALS[name] ?? [];
  const line = (label, wall, perCore, least) => [
    `    ${label}`,
    `${wall}x`,
    `${perCore}x`,
    least === undefined || wall === undefined ? '' : wall >= least ? `meets ${least}x` : `BELOW ${least}x`,
  ];
  const sample = corpus.oursOnTheSampleOverReference;
  write(
    align([
      ['  Two threads over encodeBatch on two threads', 'wall', 'per core', 'floor'],
      line(`first pass${aim ? `, aim ${aim}x` : ''}`, against.first, against.firstPerCore, first),
      line('first pass, code compiled', against.emptied, against.emptiedPerCore, first),
      line('second pass', against.again, against.againPerCore, again),
      ...(sample ? [line('first pass, both on the sample', sample.first, sample.firstPerCore)] : []),
    ]),
  );
  const { ours: mine, reference } = corpus.coresHad;
  if (Math.min(mine, reference) < ENOUGH_CORES)
    write(
      `  Two threads had ${mine} cores (ultraprep) and ${reference} (reference): the machine was busy, trust per core only.\n`,
    );
}

/** Below this, two threads did not have the machine for themselves. */
const ENOUGH_CORES = 1.6;

const megabytes = (bytes) => (bytes / 1e6).toFixed(1);

export function align(rows) {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => String(row[column]).length)));
  return rows
    .map((row) =>
      row.map((cell, i) => (i === 0 ? String(cell).padEnd(widths[i]) : String(cell).padStart(widths[i]))).join('  '),
    )
    .map((line) => `${line.trimEnd()}\n`)
    .join('');
}
