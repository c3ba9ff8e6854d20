import type { Command } from 'commander';
import { EXIT } from '../../core/errors.ts';
import { verifyCorpus } from '../../run/index.ts';
import { newestCorpus } from '../../shard/index.ts';
import { verificationText } from '../report.ts';

/** `prep verify [DIR]` */
export function verifyCommand(program: Command): void {
  program
    .command('verify')
    .description(
      'Prove from the files alone that a corpus is whole: checksums, boundaries, masks, noise, no token lost.',
    )
    .argument('[dir]', 'corpus folder (default: the newest under out/)')
    .option('--json', 'print one JSON object')
    .action(async (dir: string | undefined, flags: { json?: boolean }) => {
      const corpus = dir ?? (await newestCorpus('out'));
      const verification = await verifyCorpus(corpus, flags.json ? () => {} : percentDone('verified'));
      process.stdout.write(flags.json ? `${JSON.stringify(verification)}\n` : verificationText(corpus, verification));
      if (verification.problems.length > 0) process.exitCode = EXIT.failed;
    });
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
