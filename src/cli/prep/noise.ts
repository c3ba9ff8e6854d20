import { resolve } from 'node:path';
import type { Command } from 'commander';
import { interrupted } from '../../core/errors.ts';
import { writeNoise } from '../../run/index.ts';
import { newestCorpus, readPassReceipt } from '../../shard/index.ts';
import { stopSignal } from '../command.ts';
import { count, shownPath } from '../format.ts';
import { leastProbability, wholeNumber } from './flags.ts';
import { print } from './run.ts';

interface NoiseFlags {
  passes: number;
  batchWindows?: number;
  eps?: number;
  json?: boolean;
}

/** `prep noise [DIR]`: more passes of diffusion noise. */
export function noiseCommand(program: Command): void {
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
      const corpus = resolve(dir ?? (await newestCorpus('out')));
      const first = await readPassReceipt(corpus, 0);
      const { passes, batchWindows = first?.batchWindows ?? 8, eps = first?.eps ?? 0.001 } = flags;
      const signal = stopSignal();
      const written = await writeNoise(corpus, { passes, batchWindows, eps, schedule: 'linear' }, (pass) => {
        if (signal.aborted) throw interrupted(pass + 1, passes, 'passes');
      });
      const line = `${shownPath(corpus)}: ${count(written, 'pass')} written, ${passes} in all`;
      print(flags.json ? JSON.stringify({ event: 'done', dir: corpus, written, passes }) : line);
    });
}
