import { SUBSETS } from '../core/window.ts';
import { firstNumbers, MANIFEST, type Manifest, type SplitEntry } from '../shard/index.ts';
import { differences } from './differences.ts';
import { addLedgers } from './ledger.ts';
import { countWindows, manifestHead } from './merge.ts';
import type { Plan } from './plan.ts';

/** What in a manifest does not follow from its plan, or from the rest of it. Looks at no other file. */
export function* manifestProblems(manifest: Manifest, plan: Plan): Generator<string> {
  const differs = (field: string, is: unknown, should: unknown) => {
    const [first, ...more] = differences(is, should, field);
    if (!first) return [];
    const others = more.length > 0 ? ` (and ${more.length} more)` : '';
    return [`${MANIFEST}: \`${first.path}\` is ${first.found}, expected ${first.expected}${others}`];
  };
  for (const [field, expected] of Object.entries(manifestHead(plan)))
    yield* differs(field, manifest[field as keyof Manifest], expected);
  const { splits, windows, ledger, ledgerBySource } = manifest;
  yield* numberProblems(splits, plan);
  let [firstWindow, firstDocument] = [0, 0];
  for (const [number, split] of splits.entries()) {
    const place = `splits[${number}]`;
    yield* differs(`${place}.firstWindow`, split.firstWindow, firstWindow);
    yield* differs(`${place}.firstDocument`, split.firstDocument, firstDocument);
    let inSplit = 0;
    for (const [i, shard] of split.shards.entries()) {
      if (!SUBSETS.includes(shard.subset)) yield* differs(`${place}.shards[${i}].subset`, shard.subset, SUBSETS);
      yield* differs(`${place}.shards[${i}].firstWindow`, shard.firstWindow, inSplit);
      const inBatches = shard.batches.reduce((sum, batch) => sum + batch.windows, 0);
      yield* differs(`${place}.shards[${i}].windows`, shard.windows, inBatches);
      inSplit += shard.windows;
    }
    yield* differs(`${place}.windows`, split.windows, inSplit);
    firstWindow += split.windows;
    firstDocument += split.documents;
  }
  yield* differs('windows', windows, countWindows(splits));
  yield* differs('ledger', ledger, addLedgers(Object.values(ledgerBySource)));
}

/** One split an entry, from its number on; of an input that was cut while it was read any number of the ones kept for it. */
function* numberProblems(splits: readonly SplitEntry[], plan: Plan): Generator<string> {
  const first = firstNumbers(plan.splits);
  const fewest = plan.splits.length + 1;
  if (splits.length < fewest) yield `${MANIFEST}: \`splits\` are ${splits.length}, expected ${fewest} or more`;
  let at = 0;
  for (const [entry, number] of first.entries()) {
    const slots = plan.splits[entry]?.slots ?? 1;
    let taken = 0;
    while (taken < slots && splits[at]?.split === number + taken) {
      taken++;
      at++;
    }
    if (taken > 0) continue;
    yield `${MANIFEST}: \`splits[${at}]\` is ${splits[at]?.split}, expected ${number}`;
    return;
  }
  if (at < splits.length) yield `${MANIFEST}: \`splits[${at}]\` is more than the plan has`;
}
