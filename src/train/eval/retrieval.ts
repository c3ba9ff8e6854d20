import { usageError } from '../../core/errors.ts';
import type { Tokenizer } from '../../tokenize/index.ts';
import { type Model, openRows } from '../sample/row.ts';
import { bannedIds } from '../sample/sample.ts';
import { type Draws, drawsOf } from './draws.ts';
import { type Cell, type GridSettings, runGrid } from './grid.ts';

/** Characters that a key-value task is made of, each a token of its own. */
export interface Alphabet {
  readonly keys: string;
  readonly values: string;
  /** What stands between the pairs. */
  readonly filler: string;
  /** What the question begins with. */
  readonly ask: string;
}

const LOWER = 'abcdefghijklmnopqrstuvwxyz';
/** scripts/retrieval-corpus.mjs writes its documents with these. */
export const ALPHABET: Alphabet = { keys: LOWER, values: LOWER.toUpperCase(), filler: '0123456789', ask: '?' };

/** An alphabet as token ids. */
export type Ids = Readonly<Record<keyof Alphabet, readonly number[]>>;

export function idsOf(alphabet: Alphabet, tokenizer: Pick<Tokenizer, 'encode'>): Ids {
  const one = (character: string): number => {
    const ids = tokenizer.encode(new TextEncoder().encode(character));
    if (ids.length !== 1)
      throw usageError(
        `--retrieval: ${JSON.stringify(character)} is ${ids.length} tokens of this tokenizer, not one; it cannot ask this model`,
      );
    return ids[0]!;
  };
  const all = (characters: string): number[] => Array.from(characters, one);
  return {
    keys: all(alphabet.keys),
    values: all(alphabet.values),
    filler: all(alphabet.filler),
    ask: all(alphabet.ask),
  };
}

export interface Trial {
  /** The document up to the question's key; the answer is the next token. */
  readonly ids: Int32Array;
  readonly answer: number;
}

/**
 * `length` tokens with the answer: `pairs` pairs of a key and a value in random places among filler, then `?` and the key of
 * the pair that stands at `depth`. Keys differ, values may not. null where the pairs do not fit.
 */
export function trialOf(ids: Ids, length: number, pairs: number, depth: number, draws: Draws): Trial | null {
  const units = length - 2 - ids.ask.length - pairs;
  if (units < pairs) return null;
  const asked = Math.round(depth * (units - 1));
  const others = Array.from({ length: units }, (_, unit) => unit).filter((unit) => unit !== asked);
  const places = new Set([asked, ...draws.some(others, pairs - 1)]);
  const keys = draws.some(ids.keys, pairs);
  const document: number[] = [];
  let question = { key: 0, value: 0 };
  for (let unit = 0; unit < units; unit++) {
    if (!places.has(unit)) {
      document.push(ids.filler[draws.below(ids.filler.length)]!);
      continue;
    }
    const pair = { key: keys.pop()!, value: ids.values[draws.below(ids.values.length)]! };
    if (unit === asked) question = pair;
    document.push(pair.key, pair.value);
  }
  document.push(...ids.ask, question.key);
  return { ids: Int32Array.from(document), answer: question.value };
}

/** Tokens in one forward pass, but at least a trial. */
const PASS_TOKENS = 8192;

/** Asks one key of `pairs`, over a grid: exact answers, greedily, from one mask behind the question. */
export const retrieval = (model: Model, ids: Ids, pairs: number, settings: GridSettings): Promise<Cell[]> =>
  runGrid(settings, async (length, depth) => {
    let right = 0;
    const atOnce = Math.max(1, Math.floor(PASS_TOKENS / length));
    for (let from = 0; from < settings.trials; from += atOnce) {
      const trials = Array.from({ length: Math.min(atOnce, settings.trials - from) }, (_, i) =>
        trialOf(
          ids,
          length,
          pairs,
          depth,
          drawsOf(settings.seed, length, (from + i) * 1024 + Math.round(1000 * depth)),
        ),
      );
      if (trials[0] === null) return null;
      // Only a turn of the event loop lets a signal in.
      await new Promise(setImmediate);
      right += await rightOf(model, trials as Trial[]);
    }
    return right;
  });

/** How many of these the model answers, all of one length, in one pass. */
async function rightOf(model: Model, trials: readonly Trial[]): Promise<number> {
  const length = trials[0]!.ids.length + 1;
  const ids = new Int32Array(trials.length * length).fill(model.config.maskTokenId);
  trials.forEach((trial, i) => ids.set(trial.ids, i * length));
  const rows = openRows(
    Array.from(trials, () => length),
    model,
  );
  const banned = bannedIds(model.config, { allowEnd: false });
  let right = 0;
  try {
    const masks = Int32Array.from(trials, (_, i) => (i + 1) * length - 1);
    await rows.logits(ids, masks, (logits, i) => {
      let best = -1;
      for (let id = 0; id < logits.length; id++)
        if (banned[id] !== 1 && (best < 0 || logits[id]! > logits[best]!)) best = id;
      if (best === trials[i]!.answer) right++;
    });
  } finally {
    rows.dispose();
  }
  return right;
}
