import { stat } from '../../io/files.ts';
import type { Command } from 'commander';
import { formatOf } from '../../read/index.ts';
import { planPipeline, warningsOf } from '../../run/index.ts';
import { shownPath } from '../format.ts';
import { planLine, warningLines } from '../progress.ts';
import { type DryRunFlags, forecasted, withDryRun } from './dry-run.ts';
import { type PlanFlags, withPlanFlags } from './flags.ts';
import { filesPipeline, pipelineOf } from './inputs.ts';
import { print } from './run.ts';

/** `prep plan [PIPELINE | FILES...]`: the plan only. */
export function planCommand(program: Command): void {
  withDryRun(withPlanFlags(program.command('plan')))
    .description('Plan only: find the inputs and cut them into splits, for `prep pack DIR` and `prep merge DIR`.')
    .option('--name <name>', 'name of the corpus, of files (default: corpus)')
    .option('--input <path...>', 'read these files, folders or patterns instead of the pipeline’s inputs')
    .argument('[inputs...]', 'a pipeline file (default: the bundled sample), or files, folders and glob patterns')
    .action(async (inputs: string[], flags: PlanFlags & DryRunFlags & { input?: string[] }) => {
      const commands = program.commands.map((command) => command.name());
      const pipeline = (await isPipeline(inputs))
        ? await pipelineOf(inputs[0], flags, commands)
        : await filesPipeline(inputs, flags, 'plan');
      if (await forecasted(pipeline, flags)) return;
      const { plan } = await planPipeline(pipeline, flags.overwrite ?? false);
      const { out } = pipeline;
      if (flags.json) {
        const [inputs, splits] = [plan.inputs.length, plan.splits.length];
        print(JSON.stringify({ event: 'planned', dir: out, plan: plan.id, inputs, splits }));
        for (const warning of warningsOf(plan)) print(JSON.stringify({ event: 'warning', ...warning }));
        return;
      }
      for (const line of [planLine(plan, 0), ...warningLines(plan)]) print(line);
      print(`next: prep pack ${shownPath(out)}, any number of times at once, then prep merge ${shownPath(out)}`);
    })
    .addHelpText(
      'after',
      `
Examples:
  prep plan books.yaml --out out/books       then: prep pack out/books; prep status out/books; prep merge out/books
  prep plan 'data/**/*.jsonl.gz' --tokenizer tokenizer.json --out out/data`,
    );
}

/** One file that is no input by its name, or nothing at all. */
async function isPipeline(inputs: readonly string[]): Promise<boolean> {
  const [file] = inputs;
  if (file === undefined) return true;
  if (inputs.length > 1 || /\.ya?ml$/i.test(file)) return inputs.length === 1;
  return formatOf(file) === undefined && (await stat(file))?.kind === 'file';
}
