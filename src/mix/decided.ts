import { fingerprintMismatch } from '../core/errors.ts';
import type { TokenRun, Verdict } from '../core/document.ts';
import { mapFlow } from '../core/batch.ts';
import { fingerprint, type Json } from '../core/fingerprint.ts';
import type { Stage } from '../core/stage.ts';
import type { MixRules } from './rules.ts';

/** The verdicts on the documents of a split, in their order. */
export interface Verdicts {
  readonly length: number;
  /** By which a document is known again: first 8 bytes of its text's SHA-256, little-endian. */
  readonly hashes: BigInt64Array;
  verdict(i: number): Verdict;
}

/**
 * Token runs with the verdicts that were decided on them. Documents come in the order of the survey, but for those that the
 * tokenizer refuses, which a survey of hashes alone has too. One that it does not have is FINGERPRINT_MISMATCH: its file has
 * changed. `verdicts` is null where nothing will be run.
 */
export function decidedStage(
  rules: MixRules,
  verdicts: Verdicts | null,
  inputs: readonly { readonly path: string }[],
): Stage<TokenRun, TokenRun> {
  let next = 0;
  const hashes = verdicts?.hashes ?? new BigInt64Array(0);
  const known = (run: TokenRun): TokenRun => {
    const { hash, origin } = run.document;
    const key = new DataView(hash.buffer, hash.byteOffset).getBigInt64(0, true);
    while (next < hashes.length && hashes[next] !== key) next++;
    if (!verdicts || next === hashes.length)
      throw fingerprintMismatch(
        inputs[origin.input]?.path ?? '',
        `content of record ${origin.record}`,
        hash16(key),
        'that of its survey',
      );
    return { ...run, verdict: verdicts.verdict(next++) };
  };
  return {
    name: 'select',
    fingerprint: fingerprint({ stage: 'decided', rules: rules as unknown as Json }),
    run: (input) => mapFlow(input, known),
  };
}

const hash16 = (key: bigint): string => BigInt.asUintN(64, key).toString(16).padStart(16, '0');
