import type { Cursor, Flow } from '../core/batch.ts';
import type { TokenRun } from '../core/document.ts';
import { fingerprint } from '../core/fingerprint.ts';
import { keyOf, philox, STREAM } from '../core/random.ts';
import { Slab } from '../core/slab.ts';
import type { Stage } from '../core/stage.ts';

/** Documents are held until there are so many tokens (16 MiB of ids) or documents. */
const HELD = { tokens: 4 * 1024 * 1024, documents: 65_536 };
const BATCH = 256;

/**
 * Token runs in a seeded order, as far as memory reaches. Windows are read in a seeded order anyway, all of them: this is for
 * what lies inside them, which `first-fit` and `concat` take in the order they come.
 */
export function shuffleStage(seed: number, split: number, held = HELD): Stage<TokenRun, TokenRun> {
  return {
    name: 'shuffle',
    fingerprint: fingerprint({ stage: 'shuffle', seed, ...held }),
    async *run(input): Flow<TokenRun> {
      let cursor: Cursor = { bytes: 0, records: 0 };
      let runs: TokenRun[] = [];
      const slab = new Slab((length) => new Int32Array(length));
      let tokens = 0;
      let round = 0;
      for await (const batch of input) {
        cursor = batch.cursor;
        for (const run of batch.items) {
          const { ids } = run;
          // A batch is good until the next one is asked for.
          runs.push(
            ids instanceof Int32Array ? { ...run, ids: slab.copy(ids as Int32Array<ArrayBuffer>, 0, ids.length) } : run,
          );
          tokens += run.ids.length;
          if (tokens < held.tokens && runs.length < held.documents) continue;
          yield* batches(shuffled(runs, seed, split, round++), cursor);
          runs = [];
          tokens = 0;
        }
      }
      yield* batches(shuffled(runs, seed, split, round), cursor);
    },
  };
}

function* batches(runs: readonly TokenRun[], cursor: Cursor) {
  for (let at = 0; at < runs.length; at += BATCH) yield { items: runs.slice(at, at + BATCH), cursor };
}

/** By one draw of 53 bits for each, ties by place. */
function shuffled(runs: readonly TokenRun[], seed: number, split: number, round: number): TokenRun[] {
  const draw = new Uint32Array(4);
  const keys = Float64Array.from(runs, (_, i) => {
    philox(draw, keyOf(seed), i, round, split, STREAM.shuffle);
    return draw[0]! * 2 ** 21 + (draw[1]! >>> 11);
  });
  const order = Int32Array.from(keys.keys()).sort((a, b) => keys[a]! - keys[b]! || a - b);
  return Array.from(order, (i) => runs[i]!);
}
