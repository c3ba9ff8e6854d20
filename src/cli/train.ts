#!/usr/bin/env node
import { Command } from 'commander';
import { VERSION } from '../run/index.ts';
import { refuseFlagsBefore, runProgram } from './command.ts';
import { doctorCommand } from './train/doctor.ts';
import { setupCommand } from './train/setup.ts';
import { DEFAULT_MINUTES, withTraining } from './train/run.ts';
import { evalCommand } from './train/eval.ts';
import { sampleCommand } from './train/sample.ts';

const program = new Command('train')
  .description(
    'Trains a LLaDA-style masked diffusion transformer on a packed corpus: its tokens, boundaries and noise.',
  )
  .version(VERSION, '-V, --version')
  .showHelpAfterError('Run `train --help` for what there is.')
  .enablePositionalOptions();

withTraining(program).addHelpText(
  'after',
  `
Examples:
  train                                    the corpus that prep wrote last, for ${DEFAULT_MINUTES} minutes
  train out/books --steps 2000             as many steps, however long they take
  train out/books --preset small --minutes 30 --lr 3e-3
  train out/books --steps 2000 --resume    goes on with that run, to the same losses
  train out/books --lr 1e-3 --schedule constant --ema 0.999 --save-every 500
  train out/books --backend cpu --steps 5  with a backend of your choice
  train out/books --json > run.jsonl       one JSON object a line
  train sample --prompt 'Once upon'        what the newest checkpoint makes of it
  train eval --ppl                         how well it knows the held-out text

Writes to DIR/train: model.safetensors and config.json (LLaDA's names), tokenizer.json, metrics.jsonl, curve.svg,
breakdown.svg (loss by share of masked tokens and by position), tensorboard/ (tensorboard --logdir DIR/train), ema/ with
--ema, and resume.safetensors for --resume.
Loss is in nats a token, a bound on the negative log-likelihood; the model has learned from context where its held-out
loss is below the cross-entropy of the training unigram, which the curve shows as a line.
@tensorflow/tfjs-node-gpu or @tensorflow/tfjs-node are used where they are installed and pass a self-check.
Ctrl-C ends the step and writes a checkpoint. Exit status: 0 done, 1 the loss is not finite or
explodes, or memory is too small, 64 usage, 65 bad data, 70 a bug, 74 input or output, 75 stopped or no usable backend.`,
);

for (const add of [sampleCommand, evalCommand, setupCommand, doctorCommand]) add(program);

// `train --seed 3 sample` would set a flag of `train` that `sample` never sees.
program.hook('preSubcommand', () => refuseFlagsBefore(program));

await runProgram(program, process.argv);
