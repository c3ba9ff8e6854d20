import type { Command } from 'commander';
import { EXIT } from '../../core/errors.ts';
import { inspectCorpus } from '../../run/index.ts';
import { newestCorpus } from '../../shard/index.ts';
import { inspectionText } from '../report.ts';

/** `prep inspect [DIR]` */
export function inspectCommand(program: Command): void {
  program
    .command('inspect')
    .description('Show what is in a packed corpus: totals, fill, boundaries, lengths, noise.')
    .argument('[dir]', 'corpus folder (default: the newest under out/)')
    .option('--json', 'print one JSON object')
    .action(async (dir: string | undefined, flags: { json?: boolean }) => {
      const corpus = dir ?? (await newestCorpus('out'));
      const inspection = await inspectCorpus(corpus);
      process.stdout.write(flags.json ? `${JSON.stringify(inspection)}\n` : inspectionText(corpus, inspection));
      if (!inspection.checks.ok) process.exitCode = EXIT.failed;
    });
}
