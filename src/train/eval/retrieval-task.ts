import { usageError } from '../../core/errors.ts';
import type { Tokenizer } from '../../tokenize/index.ts';
import type { Draws } from './draws.ts';

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
/** Characters of the task: keys and values, what stands between the pairs, and what a question begins with. */
export const ALPHABET = { keys: LOWER, values: LOWER.toUpperCase(), filler: '0123456789', ask: '?' } as const;

/** `4aK71bX?b`, and the answer `X`: what a document of scripts/retrieval-corpus.mjs is, and a question of `train eval`. */
export interface Question {
  readonly prompt: readonly string[];
  readonly answer: string;
}

/**
 * `pairs` pairs of a key and a value in random places among `filler` digits, then `?` and the key of the pair that stands at
 * `depth`. Keys differ, values may not. The prompt comes in its units: a pair, a digit, `?`, a key.
 */
export function questionOf(pairs: number, filler: number, depth: number, draws: Draws): Question {
  const units = pairs + filler;
  const asked = Math.round(depth * (units - 1));
  const others = Array.from({ length: units }, (_, unit) => unit).filter((unit) => unit !== asked);
  const places = new Set([asked, ...draws.some(others, pairs - 1)]);
  const keys = draws.some([...ALPHABET.keys], pairs);
  const one = (of: string): string => of[draws.below(of.length)]!;
  let [key, answer] = ['', ''];
  const prompt = Array.from({ length: units }, (_, unit) => {
    if (!places.has(unit)) return one(ALPHABET.filler);
    const pair = { key: keys.pop()!, value: one(ALPHABET.values) };
    if (unit === asked) ({ key, value: answer } = pair);
    return pair.key + pair.value;
  });
  return { prompt: [...prompt, ALPHABET.ask, key], answer };
}

/** How the task's units become ids. */
export interface TaskTokens {
  ids(unit: string): Int32Array;
  /** Tokens in a pair: two, or one where the tokenizer has it whole. */
  readonly pair: number;
}

/** USAGE for a tokenizer with which a value is not one token, or pairs are of different lengths. */
export function taskTokens(tokenizer: Pick<Tokenizer, 'encode'>): TaskTokens {
  const known = new Map<string, Int32Array>();
  const ids = (unit: string): Int32Array => {
    let found = known.get(unit);
    if (!found) known.set(unit, (found = tokenizer.encode(new TextEncoder().encode(unit))));
    return found;
  };
  const { keys, values, filler, ask } = ALPHABET;
  const long = [...keys, ...values, ...filler, ask].find((unit) => ids(unit).length !== 1);
  if (long !== undefined)
    throw usageError(`--retrieval: ${JSON.stringify(long)} is ${ids(long).length} tokens of this tokenizer, not one`);
  const pair = ids(keys[0]! + values[0]!).length;
  for (const key of keys)
    for (const value of values)
      if (ids(key + value).length !== pair)
        throw usageError(
          `--retrieval: the pairs ${keys[0]}${values[0]} and ${key}${value} are not equally long in this tokenizer`,
        );
  return { ids, pair };
}

export interface Trial {
  /** The document up to the question's key; the answer is the next token. */
  readonly ids: Int32Array;
  readonly answer: number;
}

/** A question of `length` tokens, the answer included; null where the pairs do not fit. */
export function trialOf(tokens: TaskTokens, length: number, pairs: number, depth: number, draws: Draws): Trial | null {
  const filler = length - pairs * tokens.pair - 3;
  if (filler < 0) return null;
  const { prompt, answer } = questionOf(pairs, filler, depth, draws);
  return { ids: Int32Array.from(prompt.flatMap((unit) => [...tokens.ids(unit)])), answer: tokens.ids(answer)[0]! };
}
