import type { Pipeline } from '../../config/index.ts';
import { corpusWarnings, runPipeline, total } from '../../run/index.ts';
import type { Manifest } from '../../shard/index.ts';
import { stopSignal } from '../command.ts';
import { explain } from '../explain.ts';
import { count, duration, integer, percent, shownPath } from '../format.ts';
import { type Display, makeDisplay, type StageName, warningText } from '../progress.ts';
import { type DryRunFlags, forecasted } from './dry-run.ts';
import type { RunFlags } from './flags.ts';

export const print = (line: string): void => void process.stdout.write(`${line}\n`);

/** Runs something under a display that ends with it. */
export async function displayed<T>(
  json: boolean,
  stages: readonly StageName[],
  work: (display: Display) => Promise<T>,
): Promise<T> {
  const display = makeDisplay(json ? 'json' : process.stdout.isTTY ? 'terminal' : 'plain', stages, print);
  let failed = true;
  try {
    const result = await work(display);
    failed = false;
    return result;
  } finally {
    await display.finish(failed);
  }
}

/** Plan, pack and merge: `prep` and `prep pack FILES`. */
export async function runAll(pipeline: Pipeline, flags: RunFlags & DryRunFlags): Promise<void> {
  if (await forecasted(pipeline, flags)) return;
  if (flags.explain) {
    process.stdout.write(await explain(pipeline));
    return;
  }
  const begun = Date.now();
  const options = { workers: flags.workers, overwrite: flags.overwrite ?? false, signal: stopSignal() };
  const json = flags.json ?? false;
  const stages = ['Plan', 'Pack', 'Merge', 'Noise'] as const;
  const manifest = await displayed(json, stages, ({ events }) => runPipeline(pipeline, options, events));
  await printMerged(pipeline.out, manifest, begun, json);
}

/** What there is now, what is wrong with it, and what can be done with it. */
export async function printMerged(out: string, manifest: Manifest, begun: number, json: boolean): Promise<void> {
  const { ledger, windows, windowLength } = manifest;
  for (const warning of await corpusWarnings(out, manifest)) print(warningText(warning, json));
  if (json) return print(JSON.stringify({ event: 'done', dir: out, plan: manifest.plan }));
  const dir = shownPath(out);
  const fill = ledger.tokens.packed / ((windows.train + windows.validation) * windowLength);
  print(
    `${dir}: ${count(ledger.documents.packed, 'document')}, ${integer(ledger.tokens.packed)} tokens, fill ${percent(fill)}, in ${duration((Date.now() - begun) / 1000)}`,
  );
  const rejected = total(ledger.rejected);
  if (rejected > 0) print(`${count(rejected, 'record')} rejected, with their reasons in ${dir}/rejects/rejects.jsonl`);
  print(`next: prep inspect ${dir}   prep verify ${dir}   train ${dir}`);
}
