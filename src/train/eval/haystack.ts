import type { Corpus } from '../../shard/index.ts';
import type { Tokenizer } from '../../tokenize/index.ts';
import type { Draws } from './draws.ts';
import { heldOutPieces } from './held-out.ts';

/** Documents to hide a needle in, each with the keys that it speaks of itself. */
export interface Haystack {
  readonly documents: readonly { readonly ids: Int32Array; readonly keys: ReadonlySet<string> }[];
  readonly tokens: number;
}

/** Held-out documents, at most: enough for any length, and bounded in memory. */
const MAX_DOCUMENTS = 20_000;
const MAX_TOKENS = 2 ** 24;

export async function haystackOf(
  corpus: Corpus,
  keys: readonly string[],
  tokenizer: Pick<Tokenizer, 'decode'>,
  seed: number,
): Promise<Haystack> {
  const pieces = await heldOutPieces(corpus, null, MAX_DOCUMENTS, seed);
  let tokens = 0;
  const some = pieces.filter(({ ids }) => (tokens += ids.length) <= MAX_TOKENS || tokens === ids.length);
  return haystackFrom(
    some.map(({ ids }) => ids),
    keys,
    tokenizer,
  );
}

export function haystackFrom(
  documents: readonly Int32Array[],
  keys: readonly string[],
  tokenizer: Pick<Tokenizer, 'decode'>,
): Haystack {
  return {
    documents: documents.map((ids) => {
      const text = tokenizer.decode(ids);
      return { ids, keys: new Set(keys.filter((key) => text.includes(key))) };
    }),
    tokens: documents.reduce((sum, { length }) => sum + length, 0),
  };
}

/**
 * `length` tokens of documents that do not speak of `key`, end to end in a random order, the last one cut; they come round
 * again where there are too few. null where each of them does.
 */
export function hay({ documents }: Haystack, key: string, length: number, draws: Draws): Int32Array | null {
  const usable = documents.filter(({ ids, keys }) => ids.length > 0 && !keys.has(key));
  if (usable.length === 0) return length === 0 ? new Int32Array(0) : null;
  const out = new Int32Array(length);
  for (let at = 0; at < length;) {
    const { ids } = usable[draws.below(usable.length)]!;
    // A long document is entered anywhere.
    const from = ids.length > length ? draws.below(ids.length - length + 1) : 0;
    const part = ids.subarray(from, from + length - at);
    out.set(part, at);
    at += part.length;
  }
  return out;
}
