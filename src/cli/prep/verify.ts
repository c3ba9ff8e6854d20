import type { Command } from 'commander';
import { EXIT, usageError } from '../../core/errors.ts';
import { type DeepOptions, rootOf, verifyCorpus } from '../../run/index.ts';
import { newestCorpus } from '../../shard/index.ts';
import { verificationText } from '../report.ts';
import { given, sample, wholeNumber } from './flags.ts';

interface VerifyFlags {
  workers?: number;
  deep?: boolean;
  share?: number;
  seed?: number;
  root?: string;
  json?: boolean;
}

/** `prep verify [DIR]` */
export function verifyCommand(program: Command): void {
  program
    .command('verify')
    .description(
      'Prove from the files alone that a corpus is whole: checksums, boundaries, masks, noise, no token lost.',
    )
    .argument('[dir]', 'corpus folder (default: the newest under out/)')
    .option('-j, --workers <n>', 'threads (default: as many as are worth it)', wholeNumber(1, 1024))
    .option('--deep', 'read documents again from their sources, and compare their tokens')
    .option('--share <share>', 'of how many documents, with --deep (default: 1%, at least one)', sample)
    .option('--seed <n>', 'of the draw of these documents', wholeNumber(0, Number.MAX_SAFE_INTEGER))
    .option('--root <dir>', 'with --deep: the folder the inputs lie in, where that is another on this machine')
    .option('--json', 'print one JSON object')
    .action(async (dir: string | undefined, flags: VerifyFlags) => {
      const corpus = dir ?? (await newestCorpus('out'));
      const verification = await verifyCorpus(corpus, {
        ...given({ workers: flags.workers }),
        deep: await deepOf(corpus, flags),
        ...(!flags.json && { onProgress: percentDone('verified') }),
      });
      process.stdout.write(flags.json ? `${JSON.stringify(verification)}\n` : verificationText(corpus, verification));
      if (verification.problems.length > 0) process.exitCode = EXIT.failed;
    });
}

async function deepOf(corpus: string, flags: VerifyFlags): Promise<DeepOptions | null> {
  if (flags.deep) return { share: flags.share ?? 0.01, seed: flags.seed ?? 0, root: await rootOf(corpus, flags.root) };
  const others = ['share', 'seed', 'root'].filter((name) => flags[name as keyof VerifyFlags] !== undefined);
  if (others.length > 0) throw usageError(`--${others[0]} is for --deep`);
  return null;
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
