import { noHeldOutText, policyRefused } from '../../core/errors.ts';
import { permutation } from '../../core/random.ts';
import { POLICIES, type Policy } from '../../mask/index.ts';
import type { Corpus } from '../../shard/index.ts';
import { readWindow } from '../windows.ts';

/** What a model is asked about: tokens that all see each other. */
export interface Piece {
  /** [tokens] */
  readonly ids: Int32Array;
  /** Positions that are not a prompt's, ascending: those may be masked. */
  readonly maskable: Int32Array;
}

/**
 * At most `most` pieces of `length` tokens from held-out attention groups (documents, under adaptive), cut off one behind
 * the other; null: whole groups as they are in their windows. Windows come in a seeded order, so fewer pieces are a sample.
 * CORPUS_EMPTY where there is none, POLICY_REFUSED where tokens of a group do not all see each other.
 */
export async function heldOutPieces(
  corpus: Corpus,
  length: number | null,
  most: number,
  seed: number,
): Promise<Piece[]> {
  const pieces: Piece[] = [];
  let longest = 0;
  const numbers = corpus.numbers('validation');
  for (const at of permutation(numbers.length, seed, 0)) {
    const { inputIds, numTokens, segments, mask } = await readWindow(corpus, numbers[at]!);
    if (POLICIES[mask.policy as Policy].attention !== 'bidirectional')
      throw policyRefused(
        corpus.dir,
        mask.policy,
        'is not what text is evaluated under: there all tokens see each other',
        'name a --corpus of adaptive, eod, direct or hybrid windows',
      );
    const isPrompt = new Uint8Array(numTokens);
    for (const { start, promptTokens } of segments) isPrompt.fill(1, start, start + promptTokens);
    for (let group = 0; group + 1 < mask.cuSeqlens.length; group++) {
      const start = mask.cuSeqlens[group]!;
      const end = Math.min(mask.cuSeqlens[group + 1]!, numTokens);
      // The last group may be the padding's.
      if (end <= start) break;
      longest = Math.max(longest, end - start);
      const size = length ?? end - start;
      for (let from = start; from + size <= end; from += size) {
        const maskable = Int32Array.from({ length: size }, (_, i) => i).filter((i) => isPrompt[from + i] === 0);
        if (maskable.length > 0) pieces.push({ ids: inputIds.slice(from, from + size), maskable });
        if (pieces.length === most) return pieces;
      }
    }
  }
  if (pieces.length === 0) throw noHeldOutText(corpus.dir, length, longest);
  return pieces;
}
