import { corpusCorrupt } from '../core/errors.ts';
import type { Segment } from '../core/window.ts';
import type { ReadInto } from '../io/read-into.ts';
import type { WindowLayout, Windows } from './corpus.ts';
import type { ShardEntry } from './manifest.ts';
import { segmentsOf, type ShardColumns } from './shard-columns.ts';

export interface Shard {
  readonly entry: ShardEntry;
  /** Global number of its first window. */
  readonly first: number;
}

/** Windows on disk: their boundaries also as columns, for what takes many. */
export interface StoredWindows extends Windows {
  columns(window: number): Promise<{ readonly columns: ShardColumns; readonly row: number }>;
  /** What stands where in a window, and its attention groups: no read of its own. */
  boundaries(window: number): Promise<{
    readonly numTokens: number;
    readonly segments: readonly Segment[];
    readonly cuSeqlens: Int32Array;
  }>;
}

/** Windows of shards, with the masks that these name. */
export function windowsOf(
  dir: string,
  shards: readonly Shard[],
  windowLength: number,
  files: ReadInto,
  small: (entry: ShardEntry) => Promise<ShardColumns>,
): StoredWindows {
  /** Block masks are read here and copied: 4 us for 16 KiB, 10 into fresh memory. */
  let scratch = new Uint8Array(0);
  const readIds = (window: number, into: Int32Array): void => {
    const { entry, row } = find(shards, window);
    if (into.length !== windowLength) throw new RangeError(`a window has ${windowLength} ids, not ${into.length}`);
    files.read(`${dir}/${entry.path}`, idsOffset(entry, row, windowLength * 4), bytesOf(into));
  };
  const layout = async (window: number): Promise<WindowLayout> => {
    const { entry, row } = find(shards, window);
    const columns = await small(entry);
    const { cuSeqlens, maxSeqlen, allowedPairs } = columns;
    const length = columns.blockMask.length[row]!;
    if (scratch.length < length) scratch = new Uint8Array(length);
    const blockMask = scratch.subarray(0, length);
    files.read(`${dir}/${entry.mask.path}`, columns.blockMask.at[row]!, blockMask);
    return {
      window,
      subset: entry.subset,
      numTokens: columns.numTokens[row]!,
      segments: segmentsOf(columns.segments, row),
      mask: {
        policy: columns.policies[columns.policy[row]!]!,
        cuSeqlens: cuSeqlens.values.slice(cuSeqlens.offsets[row], cuSeqlens.offsets[row + 1]),
        maxSeqlen: maxSeqlen[row]!,
        blockMask: new columns.blockMask.kind(blockMask.slice().buffer),
        allowedPairs: allowedPairs[row]!,
      },
    };
  };
  return {
    async read(window, inputIds = new Int32Array(Buffer.allocUnsafeSlow(4 * windowLength).buffer)) {
      readIds(window, inputIds);
      return { ...(await layout(window)), inputIds };
    },
    layout,
    readIds,
    async columns(window) {
      const { entry, row } = find(shards, window);
      return { row, columns: await small(entry) };
    },
    async boundaries(window) {
      const { entry, row } = find(shards, window);
      const { numTokens, segments, cuSeqlens } = await small(entry);
      return {
        numTokens: numTokens[row]!,
        segments: segmentsOf(segments, row),
        cuSeqlens: cuSeqlens.values.subarray(cuSeqlens.offsets[row], cuSeqlens.offsets[row + 1]),
      };
    },
  };
}

const bytesOf = ({ buffer, byteOffset, byteLength }: Int32Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** The shard of a window and its row there; `shards` stand in the order of their windows, without gaps. */
function find(shards: readonly Shard[], window: number): { entry: ShardEntry; row: number } {
  let [low, high] = [0, shards.length];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (shards[middle]!.first <= window) low = middle;
    else high = middle;
  }
  const shard = shards[low];
  const row = window - (shard?.first ?? 0);
  if (!shard || !(row >= 0 && row < shard.entry.windows)) throw new RangeError(`the corpus has no window ${window}`);
  return { entry: shard.entry, row };
}

/** Byte offset of a window's ids in its shard. */
function idsOffset(entry: ShardEntry, row: number, bytes: number): number {
  let left = row;
  for (const { windows, offset } of entry.batches) {
    if (left < windows) return offset + left * bytes;
    left -= windows;
  }
  throw corpusCorrupt(entry.path, `window ${row}`, 'no record batch has it');
}
