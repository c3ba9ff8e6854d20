import { join } from 'node:path';
import { type Command, Option } from 'commander';
import { EXIT, usageError } from '../../core/errors.ts';
import { MAX_TOKENIZER_BYTES } from '../../core/limits.ts';
import { nearest } from '../../config/index.ts';
import { exists, readAll } from '../../io/files.ts';
import { type Manifest, newestCorpus, openCorpus } from '../../shard/index.ts';
import { loadTokenizer } from '../../tokenize/index.ts';
import {
  BACKENDS,
  chooseBackend,
  configFrom,
  configOf,
  type ModelConfig,
  PRESETS,
  type Preset,
  ROPE_EXTENSIONS,
  type RopeMethod,
  type RunSettings,
  runTraining,
} from '../../train/index.ts';
import { stopSignal } from '../command.ts';
import { trainDisplay } from './display.ts';
import { type LearningFlags, learningOf, withLearning } from './learning-flags.ts';
import { count, countFrom1, positive } from './numbers.ts';

interface TrainFlags extends LearningFlags {
  preset?: Preset;
  init?: string;
  masks?: string;
  rope?: RopeMethod;
  ropeCritical?: number;
  steps?: number;
  minutes?: number;
  batchWindows?: number;
  backend?: string;
  out?: string;
  evalEvery: number;
  saveEvery?: number;
  seed: number;
  resume?: boolean;
  json?: boolean;
}

/** Without --steps or --minutes: a look at the corpus, not a training run. */
export const DEFAULT_MINUTES = 1.25;

/** Of a new model, or of the checkpoint to go on from. */
async function configFor(flags: TrainFlags, manifest: Manifest): Promise<ModelConfig> {
  const { init, preset, rope, ropeCritical } = flags;
  if (init === undefined) {
    if (rope !== undefined || ropeCritical !== undefined) throw usageError('--rope is for a checkpoint: give --init');
    return configOf(preset ?? 'tiny', { ...manifest.tokenizer, windowLength: manifest.windowLength });
  }
  if (preset !== undefined) throw usageError('--preset is for a new model; --init has its own size');
  return configFrom({ from: init, rope: rope ?? 'none', critical: ropeCritical }, manifest);
}

async function train(given: string | undefined, flags: TrainFlags, commands: readonly string[]): Promise<void> {
  const learning = learningOf(flags);
  const display = trainDisplay(flags.json ? 'json' : process.stdout.isTTY ? 'terminal' : 'plain');
  const dir = given ?? (await newestCorpus('out'));
  const meant = given !== undefined && !(await exists(given)) ? nearest(given, commands) : undefined;
  if (meant !== undefined) throw usageError(`there is no corpus ${given}; did you mean \`train ${meant}\`?`);
  const corpus = await openCorpus(dir, { masks: flags.masks ?? null });
  try {
    const { manifest } = corpus;
    const signal = stopSignal();
    const file = join(dir, 'tokenizer.json');
    const tokenizer = loadTokenizer(await readAll(file, MAX_TOKENIZER_BYTES), file);
    display.corpus(dir, manifest, corpus.passes);
    display.backend(await chooseBackend(flags.backend ?? null));
    const config = await configFor(flags, manifest);
    const minutes = flags.minutes ?? (flags.steps === undefined ? DEFAULT_MINUTES : null);
    const settings: RunSettings = {
      steps: flags.steps ?? null,
      milliseconds: minutes === null ? null : minutes * 60_000,
      batchWindows: flags.batchWindows ?? null,
      ...learning,
      evalEvery: flags.evalEvery,
      saveEvery: flags.saveEvery ?? flags.evalEvery,
      seed: flags.seed,
      from: flags.init ?? null,
      masks: flags.masks ?? null,
      resume: flags.resume ?? false,
      out: flags.out ?? join(dir, 'train'),
    };
    const decode = (ids: Int32Array): string => tokenizer.decode(ids);
    const result = await runTraining(corpus, config, settings, (event) => display.event(event, decode), signal);
    display.done(result);
    if (result.interrupted) process.exitCode = EXIT.retry;
  } finally {
    display.close();
    await corpus.close();
  }
}

/** `train [DIR]`: what the program does without a command. */
export function withTraining(program: Command): Command {
  program
    .argument('[dir]', 'corpus folder (default: the newest under out/)')
    .addOption(new Option('--preset <name>', 'size of a new model (default: tiny)').choices(Object.keys(PRESETS)))
    .option('--init <dir>', 'go on from this checkpoint (Hugging Face form: config.json and safetensors)')
    .addOption(
      new Option('--rope <method>', 'extend the RoPE of --init to the windows of the corpus').choices(ROPE_EXTENSIONS),
    )
    .option('--rope-critical <n>', 'critical dimension of that (default: from its formula)', countFrom1)
    .option('--masks <name>', 'attend by this table of `prep mask` (one that anneals: its name without the epoch)')
    .option('--steps <n>', 'optimizer steps to make', countFrom1)
    .option('--minutes <m>', `time to train for (default: ${DEFAULT_MINUTES}, if no --steps)`, positive);
  return withLearning(program)
    .option(
      '--batch-windows <n>',
      'windows in an optimizer batch, through the model a few at a time (default: what the noise was made for)',
      countFrom1,
    )
    .addOption(new Option('--backend <name>', 'use this one (default: the first that works)').choices([...BACKENDS]))
    .option('--out <dir>', 'where checkpoint, curve and metrics go (default: DIR/train)')
    .option('--eval-every <steps>', 'steps between looks at the held-out loss', countFrom1, 50)
    .option('--save-every <steps>', 'steps between checkpoints (default: those of --eval-every)', countFrom1)
    .option('--seed <n>', 'seed of the weights; order and noise are the corpus’s', count, 0)
    .option('--resume', 'go on with the run in --out, with the same settings: the same losses, bit for bit')
    .option('--json', 'print JSON lines instead of text')
    .action((dir: string | undefined, flags: TrainFlags) =>
      train(
        dir,
        flags,
        program.commands.map((command) => command.name()),
      ),
    );
}
