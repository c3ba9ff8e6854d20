import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { noiseFrom } from '../../config/index.ts';
import { usageError } from '../../core/errors.ts';
import {
  isParameter,
  listensTo,
  MASKINGS,
  noiseForm,
  type NoiseRecord,
  noiseRecord,
  SCHEDULES,
  TIMES,
  UNITS,
  WEIGHTS,
} from '../../core/noise.ts';
import { writeNoise } from '../../run/index.ts';
import { newestCorpus, readPassReceipt } from '../../shard/index.ts';
import { stopSignal } from '../command.ts';
import { count, shownPath } from '../format.ts';
import { given, leastProbability, number, share, wholeNumber } from './flags.ts';
import { print } from './run.ts';

interface NoiseFlags {
  passes: number;
  schedule?: string;
  eps?: number;
  exponent?: number;
  sigmaMin?: number;
  sigmaMax?: number;
  beta?: number;
  omega?: number;
  weights?: string;
  per?: string;
  blockTokens?: number;
  times?: string;
  batchWindows?: number;
  masking?: string;
  complementary?: boolean;
  atLeastOne?: boolean;
  randomLength?: number;
  contextAlpha?: number;
  contextGamma?: number;
  contextFrom?: number;
  bitsets?: boolean;
  overwrite?: boolean;
  json?: boolean;
}

const oneOf = (flag: string, what: string, names: readonly string[]) => new Option(flag, what).choices(names);

/** `prep noise [DIR]`: more passes of diffusion noise. */
export function noiseCommand(program: Command): void {
  program
    .command('noise')
    .description('Write passes of diffusion noise for a packed corpus: one an epoch.')
    .argument('[dir]', 'corpus folder (default: the newest under out/)')
    .option('--passes <n>', 'passes there are to be in all', wholeNumber(0, 10_000), 1)
    .addOption(oneOf('--schedule <name>', 'how p follows from t', SCHEDULES))
    .option('--eps <p>', 'linear, polynomial: least p; log-linear, cosine: p ends at 1 - eps', leastProbability)
    .option('--exponent <k>', 'polynomial: p = t^k', number)
    .option('--sigma-min <s>', 'geometric: total noise at t = 0', number)
    .option('--sigma-max <s>', 'geometric: total noise at t = 1', number)
    .option('--beta <p>', 'clipped: least p', share)
    .option('--omega <p>', 'clipped: greatest p', share)
    .addOption(oneOf('--weights <kind>', 'loss weight of a masked token (default: by schedule)', WEIGHTS))
    .addOption(oneOf('--per <unit>', 'what shares a t', UNITS))
    .option('--block-tokens <n>', 'tokens of a block', wholeNumber(1, 2 ** 20))
    .addOption(oneOf('--times <kind>', 'how t is drawn over an optimizer batch', TIMES))
    .option('--batch-windows <n>', 'windows in an optimizer batch: t is stratified over them', wholeNumber(1, 2 ** 20))
    .addOption(oneOf('--masking <kind>', 'each token by itself, or exactly round(p n) of a unit', MASKINGS))
    .option('--complementary', 'pass 2k + 1 masks what pass 2k leaves')
    .option('--no-complementary')
    .option('--at-least-one', 'at least one masked token a unit, the weights allowing for it')
    .option('--no-at-least-one')
    .option('--random-length <share>', 'share of windows cut to a random length (LLaDA: 1%)', share)
    .option('--context-alpha <a>', 'extra weight of long contexts (EXACT: 0.15)', number)
    .option('--context-gamma <g>', 'how much more the rarer lengths get of it', number)
    .option('--context-from <n>', 'tokens from which a context is long', wholeNumber(0, 2 ** 20))
    .option('--bitsets', 'write the masked positions too, a bit a token')
    .option('--overwrite', 'make passes anew that were made with other settings')
    .option('--json', 'print one JSON object')
    .addHelpText(
      'after',
      '\nWhat is not given is as in the first pass; without one as in a pipeline file that says nothing.',
    )
    .action(async (dir: string | undefined, flags: NoiseFlags) => {
      const corpus = resolve(dir ?? (await newestCorpus('out')));
      const first = await readPassReceipt(corpus, 0);
      const { overwrite = false, json = false, ...wanted } = flags;
      const settings = noiseFrom(asked(wanted, first?.settings ?? {}));
      const { passes } = settings;
      const written = await writeNoise(corpus, settings, { overwrite, signal: stopSignal() });
      const line = `${shownPath(corpus)}: ${count(written, 'pass')} written, ${passes} in all`;
      print(json ? JSON.stringify({ event: 'done', dir: corpus, written, passes }) : line);
    });
}

/** The flags over what the first pass has; another schedule starts from its own weights and parameters. */
function asked(flags: Omit<NoiseFlags, 'overwrite' | 'json'>, first: NoiseRecord): NoiseRecord {
  const named = given(flags) as Record<string, string | number | boolean>;
  const settings = Object.fromEntries(
    Object.entries(named).map(([name, value]) => [name.replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`), value]),
  );
  const other = settings['schedule'] !== undefined && settings['schedule'] !== first['schedule'];
  const kept = other
    ? Object.fromEntries(Object.entries(first).filter(([name]) => name !== 'weights' && !isParameter(name)))
    : first;
  const form = noiseForm({ ...kept, ...settings });
  const unheard = Object.keys(settings).find((name) => isParameter(name) && !listensTo(form.schedule, name));
  if (unheard !== undefined)
    throw usageError(`--${unheard.replaceAll('_', '-')} says nothing about the schedule ${form.schedule}`);
  return { ...noiseRecord(noiseForm(kept)), ...settings };
}
