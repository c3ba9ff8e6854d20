import { fingerprintMismatch } from '../core/errors.ts';
import type { TokenRun, Verdict } from '../core/document.ts';
import { mapFlow } from '../core/batch.ts';
import { fingerprint, type Json } from '../core/fingerprint.ts';
import type { Stage } from '../core/stage.ts';
import type { MixRules } from './rules.ts';

/** The verdicts on the documents of a split, in their order. */
export interface Verdicts {
  readonly length: number;
  /** By which a document is known again. */
  readonly tokens: Float64Array;
  verdict(i: number): Verdict;
}

/**
 * Token runs with the verdicts that were decided on them. Documents come as the survey saw them or not at all: one with another
 * number of tokens is FINGERPRINT_MISMATCH, since its file has changed. `verdicts` is null where nothing will be run.
 */
export function decidedStage(
  rules: MixRules,
  verdicts: Verdicts | null,
  inputs: readonly { readonly path: string }[],
): Stage<TokenRun, TokenRun> {
  let next = 0;
  const known = (run: TokenRun): TokenRun => {
    const i = next++;
    const expected = verdicts && i < verdicts.length ? verdicts.tokens[i] : undefined;
    if (!verdicts || expected !== run.ids.length)
      throw fingerprintMismatch(
        inputs[run.document.origin.input]?.path ?? '',
        `tokens of record ${run.document.origin.record}`,
        String(run.ids.length),
        String(expected ?? 'no such record'),
      );
    return { ...run, verdict: verdicts.verdict(i) };
  };
  return {
    name: 'select',
    fingerprint: fingerprint({ stage: 'decided', rules: rules as unknown as Json }),
    run: (input) => mapFlow(input, known),
  };
}
