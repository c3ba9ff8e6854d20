import type { Flow } from '../core/batch.ts';
import { fingerprint } from '../core/fingerprint.ts';
import { SHARD_BYTES } from '../core/limits.ts';
import type { Sink } from '../core/stage.ts';
import type { MaskedWindow, Segment, Window } from '../core/window.ts';
import { commitFile, type CommitSink, commitStream } from '../io/commit.ts';
import {
  ArrowFile,
  dictionaryFrom,
  fixedListData,
  int32Data,
  int64Data,
  listData,
  offsetsOf,
  structData,
} from './arrow.ts';
import type { ShardEntry } from './manifest.ts';
import { maskBytes, type NumberedMask } from './masks.ts';
import { idsType, type Provenance, segmentsType, segmentType, shardSchema, sourceType } from './schema.ts';

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
  const { dir, split, windowLength, from, maskInfo } = options;
  const perShard = Math.max(1, Math.floor(SHARD_BYTES / (windowLength * 4)));
  const perBatch = Math.min(perShard, Math.max(1, Math.floor(BATCH_BYTES / (windowLength * 4))));
  return {
    name: 'shard',
    fingerprint: fingerprint({ stage: 'shard', perShard, perBatch }),
    async write(input, context) {
      const windows = peekable(input);
      const shards: Promise<ShardEntry>[] = [];
      const ids = new Int32Array(perBatch * windowLength);
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
            const batch: Window[] = [];
            while (batch.length < perBatch && masks.length < perShard) {
              const item = await windows.peek();
              if (item?.window.subset !== subset) break;
              windows.drop();
              ids.set(item.window.inputIds, batch.length * windowLength);
              batch.push(item.window);
              masks.push({ window: item.window.index, mask: item.mask });
            }
            if (batch.length === 0) break;
            const columns = windowColumns(batch, ids.subarray(0, batch.length * windowLength), options);
            for (const chunk of arrow.batch(columns, batch.length)) {
              if (chunk.buffer === ids.buffer) batches.push({ windows: batch.length, offset: sink.position });
              await sink.write(chunk);
            }
            context.progress({ windows: batch.length });
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

function windowColumns(windows: readonly Window[], ids: Int32Array, { windowLength, sources }: ShardOptions) {
  const segments = windows.flatMap((window) => window.segments);
  const column = (of: (segment: Segment) => number) => {
    const values = new Int32Array(segments.length);
    for (let i = 0; i < values.length; i++) values[i] = of(segments[i]!);
    return int32Data(values);
  };
  const children = [
    column((s) => s.start),
    column((s) => s.length),
    column((s) => s.split),
    column((s) => s.document),
    dictionaryFrom(sourceType, sources, segments.length, (i) => segments[i]!.source),
    int64Data(BigInt64Array.from(segments, (s) => BigInt(s.documentOffset))),
    column((s) => s.part),
    column((s) => s.group),
    column((s) => s.promptTokens),
  ];
  return [
    int32Data(Int32Array.from(windows, (w) => w.index)),
    fixedListData(idsType(windowLength), int32Data(ids)),
    int32Data(Int32Array.from(windows, (w) => w.numTokens)),
    listData(
      segmentsType,
      offsetsOf(windows.map((w) => w.segments.length)),
      structData(segmentType, children, segments.length),
    ),
  ];
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
