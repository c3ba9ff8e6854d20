import { power } from '../core/elementary.ts';
import type { NoiseForm } from '../core/noise.ts';

/** A bucket that holds next to nothing does not weigh without end. */
const LEAST_SHARE = 1e-6;

/**
 * Effective-context weights after EXACT (arXiv 2605.10544): 1 for the tokens of short contexts, 1 + alpha r / mean r for those of
 * long ones, r = (q + 1e-6)^-gamma, so that the rarer a context's length, the more its tokens count. What stands there for causal
 * models is read for bidirectional ones so:
 *
 * - The reach of a token is the number of tokens that it sees: the length of its attention group, itself included. A causal
 *   token's would be its place in the document; here all tokens of a group have the same.
 * - Buckets are floor(log2(reach)). q is the share of a bucket in the training tokens of reach `contextFrom` or more.
 * - The mean of r is over those tokens, so they weigh 1 + alpha on average.
 */
export class ContextWeights {
  readonly #form: NoiseForm;
  readonly #tokens = new Float64Array(32);
  #weights: Float32Array | null = null;

  constructor(form: NoiseForm) {
    this.#form = form;
  }

  /** Counts a training window: `offsets` are those of its attention groups, its tokens the first `numTokens`. */
  count(offsets: Int32Array, numTokens: number): void {
    for (const reach of groupLengths(offsets, numTokens))
      if (reach >= this.#form.contextFrom) this.#tokens[bucketOf(reach)]! += reach;
  }

  /** Weights of the groups of a window, [groups]: the padding's group is none. All windows are counted by now. */
  of(offsets: Int32Array, numTokens: number): Float32Array {
    this.#weights ??= this.#decide();
    const lengths = groupLengths(offsets, numTokens);
    return Float32Array.from(lengths, (reach) =>
      reach >= this.#form.contextFrom ? this.#weights![bucketOf(reach)]! : 1,
    );
  }

  #decide(): Float32Array {
    const { contextAlpha, contextGamma } = this.#form;
    const total = this.#tokens.reduce((sum, tokens) => sum + tokens, 0);
    const share = this.#tokens.map((tokens) => (total > 0 ? tokens / total : 0));
    const r = share.map((q) => 1 / power(q + LEAST_SHARE, contextGamma));
    let mean = 0;
    for (let bucket = 0; bucket < r.length; bucket++) mean += share[bucket]! * r[bucket]!;
    return Float32Array.from(r, (value) => (mean > 0 ? 1 + (contextAlpha * value) / mean : 1));
  }
}

const bucketOf = (reach: number): number => 31 - Math.clz32(reach);

function groupLengths(offsets: Int32Array, numTokens: number): number[] {
  const lengths: number[] = [];
  for (let g = 0; g + 1 < offsets.length && offsets[g]! < numTokens; g++) lengths.push(offsets[g + 1]! - offsets[g]!);
  return lengths;
}
