import { mapFlow } from '../core/batch.ts';
import type { TokenRun, Verdict } from '../core/document.ts';
import { copiesDraw } from '../core/draws.ts';
import { fingerprint, type Json } from '../core/fingerprint.ts';
import type { Stage } from '../core/stage.ts';
import type { Filter } from './filter.ts';
import { drawnVerdict, judges, lengthVerdict, type MixRules, rulesFor } from './rules.ts';

export interface SelectOptions {
  readonly rules: MixRules;
  /** SHA-256 of the filter module, and what it exports; null where nothing will be run. */
  readonly filterHash: string | null;
  readonly filter: Filter | null;
  readonly seed: number;
  /** Source and path of each input. */
  readonly inputs: readonly { readonly source: string; readonly path: string }[];
}

/** Token runs with their verdicts, by the rules that look at one document alone; null where there is none. */
export function selectStage(options: SelectOptions): Stage<TokenRun, TokenRun> | null {
  const { rules, filter, filterHash, seed, inputs } = options;
  if (!judges(rules) && filterHash === null) return null;
  const draw = copiesDraw(seed);
  const verdictOf = (run: TokenRun): Verdict => {
    const { source, path } = inputs[run.document.origin.input]!;
    const of = rulesFor(rules, source);
    const byLength = lengthVerdict(of, run.ids.length);
    if (byLength) return byLength;
    const reason = filter?.(run, source, path) ?? null;
    if (reason !== null) return { copies: 0, dropped: reason };
    return drawnVerdict(draw(of.epochs, run.document.hash));
  };
  return {
    name: 'select',
    fingerprint: fingerprint({ stage: 'select', rules: rules as unknown as Json, filter: filterHash, seed }),
    run: (input) => mapFlow(input, (run) => ({ ...run, verdict: verdictOf(run) })),
  };
}
