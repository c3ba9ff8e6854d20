#!/usr/bin/env node
import { Command } from 'commander';
import { VERSION } from '../run/index.ts';
import { refuseFlagsBefore, runProgram } from './command.ts';
import { addExport } from './export.ts';
import { withDryRun } from './prep/dry-run.ts';
import { type RunFlags, withRunFlags } from './prep/flags.ts';
import { pipelineOf, tooManyFiles } from './prep/inputs.ts';
import { inspectCommand } from './prep/inspect.ts';
import { maskCommand } from './prep/mask.ts';
import { mergeCommand } from './prep/merge.ts';
import { noiseCommand } from './prep/noise.ts';
import { packCommand } from './prep/pack.ts';
import { planCommand } from './prep/plan.ts';
import { runAll } from './prep/run.ts';
import { statusCommand } from './prep/status.ts';
import { verifyCommand } from './prep/verify.ts';

const program = new Command('prep')
  .description(
    'Packs documents into windows for diffusion language models: tokens, boundaries, attention masks, noise.',
  )
  .version(VERSION, '-V, --version')
  .argument('[pipeline]', 'pipeline file (default: the bundled sample)')
  .showHelpAfterError('Run `prep --help` for what there is.')
  .enablePositionalOptions();

withDryRun(withRunFlags(program))
  .option('--input <path...>', 'read these files, folders or patterns instead of the pipeline’s inputs')
  .allowExcessArguments()
  .action(async (file: string | undefined, flags: RunFlags & { input?: string[] }) => {
    const commands = program.commands.map((command) => command.name());
    if (program.args.length > 1) throw tooManyFiles(program.args, commands);
    await runAll(await pipelineOf(file, flags, commands), flags);
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

for (const add of [planCommand, packCommand, mergeCommand, statusCommand]) add(program);
for (const add of [maskCommand, noiseCommand, inspectCommand, verifyCommand, addExport]) add(program);

// `prep --window 256 pack F` would set a flag of `prep` that `pack` never sees.
program.hook('preSubcommand', () => refuseFlagsBefore(program));

await runProgram(program, process.argv);
