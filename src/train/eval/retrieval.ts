import { keyOf } from '../../core/random.ts';
import { choose } from '../sample/choose.ts';
import { type Model, openRows } from '../sample/row.ts';
import { bannedIds } from '../sample/sample.ts';
import { drawsOf } from './draws.ts';
import { type Cell, type GridSettings, runGrid } from './grid.ts';
import { type TaskTokens, type Trial, trialOf } from './retrieval-task.ts';

/** Tokens in one forward pass, but at least a trial. */
const PASS_TOKENS = 8192;

/** Asks one key of `pairs`, over a grid: exact answers, greedily, from one mask behind the question. */
export const retrieval = (model: Model, tokens: TaskTokens, pairs: number, settings: GridSettings): Promise<Cell[]> =>
  runGrid(settings, async (length, depth) => {
    let right = 0;
    const atOnce = Math.max(1, Math.floor(PASS_TOKENS / length));
    for (let from = 0; from < settings.trials; from += atOnce) {
      const trials = Array.from({ length: Math.min(atOnce, settings.trials - from) }, (_, i) =>
        trialOf(
          tokens,
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
  const greedy = { temperature: 0, key: keyOf(0), at: 0, step: 0 };
  let right = 0;
  try {
    const masks = Int32Array.from(trials, (_, i) => (i + 1) * length - 1);
    await rows.logits(ids, masks, (logits, i) => {
      if (choose(logits, banned, greedy).id === trials[i]!.answer) right++;
    });
  } finally {
    rows.dispose();
  }
  return right;
}
