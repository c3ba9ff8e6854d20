import { resolve } from 'node:path';
import type { Command } from 'commander';
import { mergeFolder } from '../../run/index.ts';
import { stopSignal } from '../command.ts';
import { given, leastProbability, share, wholeNumber } from './flags.ts';
import { displayed, printMerged } from './run.ts';

interface MergeFlags {
  maxRejects?: number;
  passes?: number;
  batchWindows?: number;
  eps?: number;
  json?: boolean;
}

/** `prep merge DIR`: the tails, the manifest and the noise of a plan that is packed. */
export function mergeCommand(program: Command): void {
  program
    .command('merge')
    .description('Merge a plan that is packed: what windows could not take, the manifest, and passes of noise.')
    .argument('<dir>', 'folder with the plan')
    .option('--max-rejects <share>', 'share of records that may be rejected', share)
    .option('--passes <n>', 'passes of noise', wholeNumber(0, 10_000))
    .option('--batch-windows <n>', 'windows in an optimizer batch', wholeNumber(1, 2 ** 20))
    .option('--eps <p>', 'least mask probability', leastProbability)
    .option('--json', 'print JSON lines instead of text')
    .addHelpText('after', '\nWhat is not given is as the plan was made.')
    .action(async (dir: string, flags: MergeFlags) => {
      const begun = Date.now();
      const out = resolve(dir);
      const { passes, batchWindows, eps, maxRejects } = flags;
      const settings = {
        noise: given({ passes, batch_windows: batchWindows, eps }),
        ...given({ rejectShare: maxRejects }),
      };
      const options = { workers: 1, signal: stopSignal() };
      const json = flags.json ?? false;
      const manifest = await displayed(json, ['Plan', 'Merge', 'Noise'], ({ events }) =>
        mergeFolder(out, settings, options, events),
      );
      await printMerged(out, manifest, begun, json);
    });
}
