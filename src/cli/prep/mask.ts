import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { interrupted, usageError } from '../../core/errors.ts';
import {
  ANNEAL_FROM,
  ANNEAL_TO,
  type Annealing,
  DIFFUSION_BLOCK,
  type Policy,
  POLICY_NAMES,
} from '../../mask/index.ts';
import { writeMasks } from '../../run/index.ts';
import { newestCorpus, readManifest } from '../../shard/index.ts';
import { stopSignal } from '../command.ts';
import { count, shownPath } from '../format.ts';
import { share, wholeNumber } from './flags.ts';
import { print } from './run.ts';

interface MaskFlags {
  policy: Policy;
  diffusionBlock: number;
  annealFrom?: Annealing['from'];
  until?: number;
  epochs?: number;
  seed?: number;
  json?: boolean;
}

/** `prep mask [DIR]`: another policy's attention masks. */
export function maskCommand(program: Command): void {
  program
    .command('mask')
    .description('Write the attention masks of another policy for a packed corpus, beside its shards.')
    .argument('[dir]', 'corpus folder (default: the newest under out/)')
    .addOption(new Option('--policy <name>', 'what a token may attend to').choices(POLICY_NAMES).makeOptionMandatory())
    .option('--diffusion-block <tokens>', 'under block-diffusion', wholeNumber(1, 2 ** 20), DIFFUSION_BLOCK)
    .addOption(
      new Option('--anneal-from <name>', 'begin with this policy and go over window by window').choices(ANNEAL_FROM),
    )
    .option('--until <share>', 'share of the training after which all windows have gone over (default: 1)', share)
    .option('--epochs <n>', 'epochs of that training, a table each (default: 1)', wholeNumber(1, 1000))
    .option('--seed <n>', 'of the draws (default: the corpus’s)', wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nA table is a folder in masks/ and a receipt. eod and hybrid need an end token after each document, direct none.',
    )
    .action(async (dir: string | undefined, flags: MaskFlags) => {
      const corpus = resolve(dir ?? (await newestCorpus('out')));
      const { policy, diffusionBlock } = flags;
      const anneal = await annealing(corpus, flags);
      const signal = stopSignal();
      const written = await writeMasks(corpus, { policy, diffusionBlock, anneal }, (done, of) => {
        if (signal.aborted) throw interrupted(done, of, 'files of masks');
      });
      const names = written.map((name) => `masks/${name}`).join(', ');
      const line = `${shownPath(corpus)}: ${count(written.length, 'table')} of masks written${names && `: ${names}`}`;
      print(flags.json ? JSON.stringify({ event: 'done', dir: corpus, written }) : line);
    });
}

async function annealing(dir: string, flags: MaskFlags): Promise<Annealing | null> {
  const { policy, annealFrom: from, until, epochs, seed } = flags;
  if (from === undefined) {
    if (until === undefined && epochs === undefined && seed === undefined) return null;
    throw usageError('--until, --epochs and --seed are for --anneal-from');
  }
  if (!(ANNEAL_TO as readonly Policy[]).includes(policy))
    throw usageError(`--anneal-from goes over to ${ANNEAL_TO.join(' or ')}, not to ${policy}`);
  if (until === 0) throw usageError('--until must be more than 0');
  return { from, until: until ?? 1, epochs: epochs ?? 1, seed: seed ?? (await readManifest(dir)).order.seed };
}
