import { resolve } from 'node:path';
import type { Command } from 'commander';
import { usageError } from '../../core/errors.ts';
import { packFolder } from '../../run/index.ts';
import { planFormat } from '../../shard/index.ts';
import { stopSignal } from '../command.ts';
import { shownPath } from '../format.ts';
import { withDryRun } from './dry-run.ts';
import { given, type RunFlags, withRunFlags } from './flags.ts';
import { filesPipeline } from './inputs.ts';
import { displayed, print, runAll } from './run.ts';

/** `prep pack FILES...` does all; `prep pack DIR`, a folder with a plan, what is left of that. */
export function packCommand(program: Command): void {
  const command: Command = withDryRun(withRunFlags(program.command('pack')))
    .description('Pack files, folders or patterns, without a pipeline file; or what is left of a plan.')
    .option('--name <name>', 'name of the corpus (default: corpus)')
    .option('--root <dir>', 'of a plan: the folder its inputs lie in, where that is another on this machine')
    .argument(
      '<inputs...>',
      'files, folders and glob patterns: .jsonl, .json, .parquet, .arrow, .txt, .md, also .gz .zst .bz2 .xz; or a folder with a plan',
    )
    .action(async (inputs: string[], flags: RunFlags & { root?: string }) => {
      const [dir] = inputs;
      // Files need a tokenizer, a plan has its own: an earlier corpus can still be named among the inputs.
      const planned = inputs.length === 1 && flags.tokenizer === undefined && (await planFormat(dir!))?.ours === true;
      if (planned) return packPlan(command, resolve(dir!), flags);
      if (flags.root !== undefined) throw usageError('--root is for a folder with a plan');
      return runAll(await filesPipeline(inputs, flags, 'pack'), flags);
    })
    .addHelpText(
      'after',
      `
Examples:
  prep pack books/ --tokenizer tokenizer.json --window 128k --policy adaptive --out out/books
  prep pack 'data/**/*.parquet' --field content --tokenizer tokenizer.json --validation 1%
  prep pack out/books                        what is left of the plan there; any number of processes at once`,
    );
}

/** Flags that say how to work, not what. */
const FOR_PLANS = new Set(['workers', 'json', 'root', 'filter']);

async function packPlan(command: Command, dir: string, flags: RunFlags & { root?: string }): Promise<void> {
  const others = command.options.filter(
    (option) =>
      !FOR_PLANS.has(option.attributeName()) && command.getOptionValueSource(option.attributeName()) === 'cli',
  );
  if (others.length > 0)
    throw usageError(`${others.map(({ long }) => long).join(', ')}: ${dir} has its plan; give that to \`prep plan\``);
  const options = { workers: flags.workers, signal: stopSignal() };
  const paths = given({ root: flags.root, filter: flags.filter });
  const again = Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, resolve(path)]));
  const json = flags.json ?? false;
  const { manifest, plan } = await displayed(json, ['Plan', 'Pack'], ({ events }) =>
    packFolder(dir, again, options, events),
  );
  if (json) print(JSON.stringify({ event: 'done', dir, plan: plan.id }));
  else print(manifest ? `next: prep inspect ${shownPath(dir)}` : `next: prep merge ${shownPath(dir)}`);
}
