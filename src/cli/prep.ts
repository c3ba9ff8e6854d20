#!/usr/bin/env node
import { availableParallelism } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command, InvalidArgumentError, Option } from 'commander';
import {
  LONG_DOCUMENT_NAMES,
  loadPipeline,
  METHOD_NAMES,
  nearest,
  type Overrides,
  type Pipeline,
  pipelineFrom,
  quantity,
  sourceName,
} from '../config/index.ts';
import { configNotFound, EXIT, interrupted, usageError } from '../core/errors.ts';
import { exists } from '../io/files.ts';
import { withoutEnding } from '../io/formats.ts';
import { inspectCorpus, runPipeline, total, verifyCorpus, VERSION, writeNoise } from '../run/index.ts';
import { newestCorpus, readPassReceipt } from '../shard/index.ts';
import { runProgram, stopSignal } from './command.ts';
import { explain } from './explain.ts';
import { addExport } from './export.ts';
import { count, duration, integer, percent, shownPath } from './format.ts';
import { makeDisplay } from './progress.ts';
import { inspectionText, verificationText } from './report.ts';

const QUICKSTART = fileURLToPath(new URL('../../pipelines/quickstart.yaml', import.meta.url));

interface NoiseFlags {
  passes: number;
  batchWindows?: number;
  eps?: number;
  json?: boolean;
}

interface RunFlags {
  name?: string;
  out?: string;
  tokenizer?: string;
  window?: string;
  policy?: Pipeline['policy'];
  packing?: string;
  longDocuments?: string;
  minSegment?: string;
  validation?: number;
  seed?: number;
  minTokens?: number;
  maxTokens?: number;
  duplicates?: Pipeline['mixture']['duplicates'];
  filter?: string;
  specialText?: Pipeline['specialText'];
  template?: boolean;
  field?: string;
  idField?: string;
  passes?: number;
  batchWindows?: number;
  eps?: number;
  maxRejects?: number;
  splitBytes?: string;
  workers: number;
  overwrite?: boolean;
  explain?: boolean;
  json?: boolean;
}

const number = (text: string): number => {
  if (text.trim() === '') throw new InvalidArgumentError('expected a number.');
  const value = text.endsWith('%') ? Number(text.slice(0, -1)) / 100 : quantity(text) || Number(text);
  if (!Number.isFinite(value)) throw new InvalidArgumentError('expected a number.');
  return value;
};
const wholeNumber =
  (least: number, most: number) =>
  (text: string): number => {
    const value = number(text);
    if (Number.isInteger(value) && value >= least && value <= most) return value;
    throw new InvalidArgumentError(`expected a whole number, ${least} to ${most}.`);
  };
const leastProbability = (text: string): number => {
  const value = number(text);
  if (value > 0 && value <= 0.5) return value;
  throw new InvalidArgumentError('expected more than 0 and at most 0.5.');
};

/** The flags that `prep` and `prep pack` share: each replaces a setting of the pipeline. */
const withRunFlags = (command: Command): Command =>
  command
    .option('--out <dir>', 'corpus folder (default: out/<name>)')
    .option('--tokenizer <file>', 'tokenizer.json of a Hugging Face fast tokenizer')
    .option('--window <tokens>', 'window length, such as 4096, 32k or 128k')
    .addOption(new Option('--policy <name>', 'what a token may attend to').choices(['adaptive', 'eod', 'direct']))
    .addOption(
      new Option('--packing <method>', 'how documents become windows (default: best-fit)').choices(METHOD_NAMES),
    )
    .addOption(new Option('--long-documents <what>', 'for documents longer than a window').choices(LONG_DOCUMENT_NAMES))
    .option('--min-segment <tokens>', 'drop documents and remainders shorter than this')
    .option('--validation <share>', 'share of documents held out, such as 0.01 or 1%', number)
    .option('--min-tokens <n>', 'drop shorter documents', number)
    .option('--max-tokens <n>', 'drop longer documents', number)
    .addOption(
      new Option('--duplicates <what>', 'for documents with the text of an earlier one').choices(['keep', 'drop']),
    )
    .option('--filter <module>', 'a module that says of each document whether it stays')
    .option('--seed <n>', 'seed of every draw', number)
    .addOption(
      new Option('--special-text <mode>', 'text of a special token in a document (default: text)').choices([
        'text',
        'parse',
        'reject',
      ]),
    )
    .option('--template', 'put the tokenizer’s template around each document')
    .option('--field <path>', 'field or column with the text (default: text)')
    .option('--id-field <path>', 'field with the record id (default: id)')
    .option('--passes <n>', 'passes of noise', number)
    .option('--batch-windows <n>', 'windows in an optimizer batch', number)
    .option('--eps <p>', 'least mask probability', number)
    .option('--split-bytes <size>', 'bytes of input in a split, the unit of work and resume')
    .option('--max-rejects <share>', 'share of records that may be rejected before the run stops', number)
    .option('-j, --workers <n>', 'worker threads; never changes a byte', wholeNumber(1, 1024), availableParallelism())
    .option('--overwrite', 'start over where the folder holds another plan')
    .option('--explain', 'print the stages with their fingerprints and stop')
    .option('--json', 'print JSON lines instead of text');

/** `"4096"` as a number, `"4k"` as it is. */
const wholeOrText = (text: string): number | string => (/^\d+$/.test(text) ? Number(text) : text);

function overridesOf(flags: RunFlags): Overrides {
  const given = <T extends object>(settings: T): Partial<T> =>
    Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined)) as Partial<T>;
  const groups = {
    packing: given({
      method: flags.packing,
      long_documents: flags.longDocuments,
      min_segment: flags.minSegment === undefined ? undefined : wholeOrText(flags.minSegment),
    }),
    noise: given({ passes: flags.passes, batch_windows: flags.batchWindows, eps: flags.eps }),
    limits: given({ reject_share: flags.maxRejects }),
  };
  return {
    ...given({
      out: flags.out,
      tokenizer: flags.tokenizer,
      window: flags.window === undefined ? undefined : wholeOrText(flags.window),
      policy: flags.policy,
      validation: flags.validation,
      seed: flags.seed,
      min_tokens: flags.minTokens,
      max_tokens: flags.maxTokens,
      duplicates: flags.duplicates,
      filter: flags.filter,
      special_text: flags.specialText,
      template: flags.template,
      text_field: flags.field,
      id_field: flags.idField,
      split_bytes: flags.splitBytes,
    }),
    ...Object.fromEntries(Object.entries(groups).filter(([, group]) => Object.keys(group).length > 0)),
  } as Overrides;
}

async function runPrep(pipeline: Pipeline, flags: RunFlags): Promise<void> {
  if (flags.explain) {
    process.stdout.write(await explain(pipeline));
    return;
  }
  const begun = Date.now();
  const print = (line: string) => void process.stdout.write(`${line}\n`);
  const display = makeDisplay(
    flags.json ? 'json' : process.stdout.isTTY ? 'terminal' : 'plain',
    pipeline.noise.passes,
    print,
  );
  const options = { workers: flags.workers, overwrite: flags.overwrite ?? false, signal: stopSignal() };
  let failed = true;
  try {
    const manifest = await runPipeline(pipeline, options, display.events);
    failed = false;
    await display.finish(failed);
    const { ledger, windows, windowLength } = manifest;
    const dir = shownPath(pipeline.out);
    if (flags.json) return print(JSON.stringify({ event: 'done', dir: pipeline.out, plan: manifest.plan }));
    const fill = ledger.tokens.packed / ((windows.train + windows.validation) * windowLength);
    print(
      `${dir}: ${integer(ledger.documents.packed)} documents, ${integer(ledger.tokens.packed)} tokens, fill ${percent(fill)}, in ${duration((Date.now() - begun) / 1000)}`,
    );
    const rejected = total(ledger.rejected);
    if (rejected > 0)
      print(`${count(rejected, 'record')} rejected, with their reasons in ${dir}/rejects/rejects.jsonl`);
    print(`next: prep inspect ${dir}   prep verify ${dir}   train ${dir}`);
  } finally {
    if (failed) await display.finish(failed);
  }
}

/** Shows on a terminal how far a check is; nothing in a pipe. */
function percentDone(what: string): (done: number, of: number) => void {
  let shown = -1;
  return (done, of) => {
    const part = Math.floor((100 * done) / of);
    if (!process.stderr.isTTY || part === shown) return;
    shown = part;
    process.stderr.write(done === of ? '\r\x1b[K' : `\r${part} % ${what}`);
  };
}
const folder = async (dir: string | undefined): Promise<string> => dir ?? newestCorpus('out');

const program = new Command('prep')
  .description(
    'Packs documents into windows for diffusion language models: tokens, boundaries, attention masks, noise.',
  )
  .version(VERSION, '-V, --version')
  .argument('[pipeline]', 'pipeline file (default: the bundled sample)')
  .showHelpAfterError('Run `prep --help` for what there is.')
  .enablePositionalOptions();

withRunFlags(program)
  .option('--input <path...>', 'read these files, folders or patterns instead of the pipeline’s inputs')
  .action(async (file: string | undefined, flags: RunFlags & { input?: string[] }) => {
    const overrides = overridesOf(flags);
    if (flags.input) overrides.inputs = flags.input.map((path) => ({ paths: [path] }));
    if (file !== undefined && !(await exists(file)))
      throw configNotFound(
        file,
        nearest(
          file,
          program.commands.map((command) => command.name()),
        ),
      );
    await runPrep(await loadPipeline(file ?? QUICKSTART, overrides), flags);
  })
  .addHelpText(
    'after',
    `
Examples:
  prep                                       the bundled sample, into out/quickstart; then run: train
  prep my-corpus.yaml                        a pipeline of your own (start from pipelines/quickstart.yaml)
  prep pipelines/ultrallada-128k.yaml --input books/ --tokenizer llada/tokenizer.json
  prep pack data/*.jsonl.gz --tokenizer tokenizer.json --window 128k --out out/books

A run that was stopped goes on with the same command. The same inputs and settings give the same bytes, whatever the
number of workers. Exit status: 0 done, 64 usage, 65 bad data or settings, 70 a bug, 74 input or output, 75 stopped.`,
  );

withRunFlags(program.command('pack'))
  .description('Pack files, folders or patterns, without a pipeline file.')
  .option('--name <name>', 'name of the corpus (default: corpus)')
  .argument(
    '<inputs...>',
    'files, folders and glob patterns: .jsonl, .json, .parquet, .txt, .md, also .gz .zst .bz2 .xz',
  )
  .action(async (inputs: string[], flags: RunFlags) => {
    if (flags.tokenizer === undefined)
      throw usageError('prep pack needs --tokenizer <file>: the tokenizer.json of your model');
    // Not called after --out: the name is part of the plan, and the same inputs are to give the same bytes anywhere.
    const settings = { name: flags.name ?? 'corpus', inputs: inputs.map((path) => ({ paths: [path] })) };
    const folder = withoutEnding(sourceName(inputs[0]!)).replaceAll(/[^A-Za-z0-9._-]+/g, '-');
    const out = join('out', folder || 'corpus');
    await runPrep(await pipelineFrom({ ...settings, out, ...overridesOf(flags) }), flags);
  })
  .addHelpText(
    'after',
    `
Examples:
  prep pack books/ --tokenizer tokenizer.json --window 128k --policy adaptive --out out/books
  prep pack 'data/**/*.parquet' --field content --tokenizer tokenizer.json --validation 1%`,
  );

program
  .command('noise')
  .description('Write passes of diffusion noise for a packed corpus: one an epoch.')
  .argument('[dir]', 'corpus folder (default: the newest under out/)')
  .option('--passes <n>', 'passes there are to be in all', wholeNumber(0, 10_000), 1)
  .option('--batch-windows <n>', 'windows in an optimizer batch: t is stratified over them', wholeNumber(1, 2 ** 20))
  .option('--eps <p>', 'least mask probability', leastProbability)
  .option('--json', 'print one JSON object')
  .addHelpText('after', '\nWithout --batch-windows and --eps: those of the first pass, or 8 and 0.001.')
  .action(async (dir: string | undefined, flags: NoiseFlags) => {
    const corpus = resolve(await folder(dir));
    const first = await readPassReceipt(corpus, 0);
    const { passes, batchWindows = first?.batchWindows ?? 8, eps = first?.eps ?? 0.001 } = flags;
    const signal = stopSignal();
    const written = await writeNoise(corpus, { passes, batchWindows, eps, schedule: 'linear' }, (pass) => {
      if (signal.aborted) throw interrupted(pass + 1, passes, 'passes');
    });
    const line = `${shownPath(corpus)}: ${count(written, 'pass')} written, ${passes} in all`;
    process.stdout.write(`${flags.json ? JSON.stringify({ event: 'done', dir: corpus, written, passes }) : line}\n`);
  });

program
  .command('inspect')
  .description('Show what is in a packed corpus: totals, fill, boundaries, lengths, noise.')
  .argument('[dir]', 'corpus folder (default: the newest under out/)')
  .option('--json', 'print one JSON object')
  .action(async (dir: string | undefined, flags: { json?: boolean }) => {
    const corpus = await folder(dir);
    const inspection = await inspectCorpus(corpus);
    process.stdout.write(flags.json ? `${JSON.stringify(inspection)}\n` : inspectionText(corpus, inspection));
    if (!inspection.checks.ok) process.exitCode = EXIT.failed;
  });

program
  .command('verify')
  .description('Prove from the files alone that a corpus is whole: checksums, boundaries, masks, noise, no token lost.')
  .argument('[dir]', 'corpus folder (default: the newest under out/)')
  .option('--json', 'print one JSON object')
  .action(async (dir: string | undefined, flags: { json?: boolean }) => {
    const corpus = await folder(dir);
    const verification = await verifyCorpus(corpus, flags.json ? () => {} : percentDone('verified'));
    process.stdout.write(flags.json ? `${JSON.stringify(verification)}\n` : verificationText(corpus, verification));
    if (verification.problems.length > 0) process.exitCode = EXIT.failed;
  });

addExport(program);

// `prep --window 256 pack F` would set a flag of `prep` that `pack` never sees.
program.hook('preSubcommand', () => {
  const given = program.options.filter((option) => program.getOptionValueSource(option.attributeName()) === 'cli');
  if (given.length > 0) throw usageError(`${given.map((o) => o.long).join(', ')} must stand after the command`);
});

await runProgram(program, process.argv);
