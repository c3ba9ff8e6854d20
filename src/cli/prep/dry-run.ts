import { availableParallelism } from 'node:os';
import type { Command } from 'commander';
import type { Pipeline } from '../../config/index.ts';
import { allDropped, usageError } from '../../core/errors.ts';
import { dryRun, promptOnlyWarnings } from '../../run/index.ts';
import { stopSignal } from '../command.ts';
import { forecastText } from '../forecast.ts';
import { warningText } from '../progress.ts';
import { sample, wholeNumber } from './flags.ts';
import { displayed, print } from './run.ts';

/** Flags of the commands that can say beforehand what they would come to. */
export interface DryRunFlags {
  dryRun?: boolean;
  share?: number;
  trainLength?: number;
  workers?: number;
  json?: boolean;
}

export const withDryRun = (command: Command): Command =>
  command
    .option('--dry-run', 'only say what would come of it, from the lengths of documents; writes nothing')
    .option('--share <share>', 'with --dry-run: read so much of the input, such as 5%, and estimate', sample)
    .option(
      '--train-length <tokens>',
      'with --dry-run: tell how many windows have documents longer than this',
      wholeNumber(1, 2 ** 20),
    );

/** Prints the forecast where it is asked for; false where it is not. */
export async function forecasted(pipeline: Pipeline, flags: DryRunFlags): Promise<boolean> {
  const { share: part = 1, trainLength = null, json = false, workers = availableParallelism() } = flags;
  if (!flags.dryRun) {
    if (flags.share !== undefined || flags.trainLength !== undefined)
      throw usageError('--share and --train-length are for --dry-run');
    return false;
  }
  const options = { share: part, trainLength, workers, signal: stopSignal() };
  const forecast = await displayed(json, ['Plan', 'Survey'], ({ events }) => dryRun(pipeline, options, events));
  if (json) print(JSON.stringify({ event: 'forecast', ...forecast }));
  else process.stdout.write(forecastText(forecast));
  for (const warning of promptOnlyWarnings(forecast.promptOnly)) print(warningText(warning, json));
  const { documents, tokens } = forecast.ledger;
  // Of a sample nobody knows: the rest may be otherwise.
  if (part === 1 && documents.read > 0 && documents.packed === 0)
    throw allDropped(documents.read, documents.dropped, forecast.windowLength, tokens.dropped, '');
  return true;
}
