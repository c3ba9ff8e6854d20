import type { Flow } from '../core/batch.ts';
import { giveBatch, takeBatch } from '../core/blocks.ts';
import { fingerprint } from '../core/fingerprint.ts';
import { SHARD_BYTES } from '../core/limits.ts';
import type { Sink } from '../core/stage.ts';
import type { MaskedWindow, Window } from '../core/window.ts';
import { commitFile, type CommitSink, commitStream } from '../io/commit.ts';
import { ArrowFile, fixedListData, int32Data, listData, offsetsOf, structData } from './arrow.ts';
import type { ShardEntry } from './manifest.ts';
import { maskBytes, type NumberedMask } from './masks.ts';
import { idsType, type Provenance, segmentsType, segmentType, shardSchema } from './schema.ts';
import { SegmentBatch } from './segment-batch.ts';

export interface ShardOptions {
  readonly dir: string;
  readonly split: number;
  readonly windowLength: number;
  /** All source names of the plan: the dictionary of the `source` columns. */
  readonly sources: readonly string[];
  readonly from: Provenance;
  /** What the metadata of the masks' tables say of the policy. */
  readonly maskInfo: Readonly<Record<string, string>>;
}

/** A record batch holds 8 MiB of ids: what a reader takes in one go, and what the writer holds. */
const BATCH_BYTES = 8 * 1024 * 1024;

export const splitName = (split: number): string => String(split).padStart(5, '0');

/** masked windows -> shards/ and masks/<policy>/, each committed when complete; the entries go into the receipt. */
export function shardSink(options: ShardOptions): Sink<MaskedWindow, ShardEntry[]> {
  const { dir, split, windowLength, sources, from, maskInfo } = options;
  const perShard = Math.max(1, Math.floor(SHARD_BYTES / (windowLength * 4)));
  const perBatch = Math.min(perShard, Math.max(1, Math.floor(BATCH_BYTES / (windowLength * 4))));
  return {
    name: 'shard',
    fingerprint: fingerprint({ stage: 'shard', perShard, perBatch }),
    async write(input, context) {
      const windows = peekable(input);
      const shards: Promise<ShardEntry>[] = [];
      const ids = takeBatch(perBatch * windowLength);
      try {
        for (let next = await windows.peek(); next; next = await windows.peek()) {
          const { written, committed } = startShard(next.window, shards.length);
          shards.push(committed);
          // While the disk takes what was written, the next one is: its commit waits for this one's.
          await Promise.race([written, committed]);
          await shards.at(-2);
        }
        return await Promise.all(shards);
      } finally {
        // Nothing is written any more when this is over, however it ends.
        await Promise.allSettled(shards);
        giveBatch(ids);
      }

      function startShard({ subset, index: firstWindow }: Window, number: number) {
        const name = `${splitName(split)}-${splitName(number)}.arrow`;
        const masks: NumberedMask[] = [];
        const batches: { windows: number; offset: number }[] = [];
        let done = (): void => {};
        const written = new Promise<void>((resolve) => (done = resolve));
        const writeAll = async (sink: CommitSink): Promise<void> => {
          const arrow = new ArrowFile(shardSchema(windowLength, from));
          while (masks.length < perShard) {
            const batch = { index: [] as number[], numTokens: [] as number[], segments: [] as number[] };
            const segments = new SegmentBatch(sources);
            // Of a window nothing is kept but what is written: its ids are 512 KiB at 128K.
            while (batch.index.length < perBatch && masks.length < perShard) {
              const item = await windows.peek();
              if (item?.window.subset !== subset) break;
              windows.drop();
              const { window, mask } = item;
              ids.set(window.inputIds, batch.index.length * windowLength);
              batch.index.push(window.index);
              batch.numTokens.push(window.numTokens);
              batch.segments.push(window.segments.length);
              segments.push(window.segments);
              masks.push({ window: window.index, mask });
            }
            const count = batch.index.length;
            if (count === 0) break;
            const columns = [
              int32Data(Int32Array.from(batch.index)),
              fixedListData(idsType(windowLength), int32Data(ids.subarray(0, count * windowLength))),
              int32Data(Int32Array.from(batch.numTokens)),
              listData(
                segmentsType,
                offsetsOf(batch.segments),
                structData(segmentType, segments.columns(), segments.length),
              ),
            ];
            for (const chunk of arrow.batch(columns, count)) {
              if (chunk.buffer === ids.buffer) batches.push({ windows: count, offset: sink.position });
              await sink.write(chunk);
            }
            context.progress({ windows: count });
          }
          for (const chunk of arrow.end()) await sink.write(chunk);
          done();
        };
        const commit = async (): Promise<ShardEntry> => {
          const path = `shards/${name}`;
          const file = await commitStream(`${dir}/${path}`, writeAll);
          const maskPath = `masks/${from.policy}/${name}`;
          const mask = await commitFile(`${dir}/${maskPath}`, maskBytes(masks, from, maskInfo));
          const entry = { subset, firstWindow, windows: masks.length, batches };
          return { path, ...file, ...entry, mask: { path: maskPath, ...mask } };
        };
        return { written, committed: commit() };
      }
    },
  };
}

/** The items of a flow one by one, with a look at the next. */
function peekable<T>(flow: Flow<T>) {
  const batches = flow[Symbol.asyncIterator]();
  let items: readonly T[] = [];
  let at = 0;
  return {
    async peek(): Promise<T | undefined> {
      while (at >= items.length) {
        const { done, value } = await batches.next();
        if (done) return undefined;
        items = value.items;
        at = 0;
      }
      return items[at];
    },
    drop(): void {
      at++;
    },
  };
}
