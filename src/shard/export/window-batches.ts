import { corpusCorrupt } from '../../core/errors.ts';
import { int64Array } from '../arrow.ts';
import type { StoredCorpus } from '../open.ts';
import type { ShardColumns } from '../shard-columns.ts';
import type { Column, Values, WindowBatch } from './columns.ts';

interface Place {
  readonly columns: ShardColumns;
  readonly row: number;
}

/**
 * Windows in the order of `numbers`, `perBatch` at a time: in memory are one batch, and the boundaries of the last shards. Ids go
 * from the shard's file to the batch in one read.
 */
export class WindowBatches {
  readonly #corpus: StoredCorpus;
  readonly #numbers: Int32Array;
  readonly #length: number;
  readonly #sources: ReadonlyMap<string, number>;
  /** By split: their numbers have gaps. */
  readonly #firstDocument: ReadonlyMap<number, number>;
  /** By name: fresh memory for each batch would cost more than the reading. */
  readonly #kept = new Map<string, Int32Array<ArrayBuffer> | Int8Array<ArrayBuffer>>();

  constructor(corpus: StoredCorpus, numbers: Int32Array, sources: readonly string[]) {
    this.#corpus = corpus;
    this.#numbers = numbers;
    this.#length = corpus.manifest.windowLength;
    this.#sources = new Map(sources.map((name, i) => [name, i]));
    this.#firstDocument = new Map(corpus.manifest.splits.map(({ split, firstDocument }) => [split, firstDocument]));
  }

  /** Windows [from, to) of the order, with the columns asked for. */
  async *batches(columns: readonly Column[], from: number, to: number, perBatch: number): AsyncGenerator<WindowBatch> {
    for (let at = from; at < to; at += perBatch)
      yield await this.#batch(columns, this.#numbers.subarray(at, Math.min(at + perBatch, to)));
  }

  async #batch(columns: readonly Column[], windows: Int32Array): Promise<WindowBatch> {
    const places: Place[] = [];
    for (const window of windows) {
      const place = await this.#corpus.columns(window);
      this.#check(place, window);
      places.push(place);
    }
    const rows = windows.length;
    const groups = gather(places, ({ cuSeqlens }) => cuSeqlens.offsets);
    const segments = gather(places, ({ segments }) => segments.offsets);
    const made: Record<string, () => Values> = {
      window: () => Int32Array.from(windows),
      input_ids: () => this.#ids(windows),
      num_tokens: () => Int32Array.from(places, ({ columns, row }) => columns.numTokens[row]!),
      cu_seqlens: () => groups.int32(({ cuSeqlens }) => cuSeqlens.values),
      max_seqlen: () => Int32Array.from(places, ({ columns, row }) => columns.maxSeqlen[row]!),
      seq_lengths: () =>
        differences(
          groups.int32(({ cuSeqlens }) => cuSeqlens.values),
          rows,
        ),
      segment_lengths: () => segments.int32(({ segments }) => segments.length),
      segment_prompts: () => segments.int32(({ segments }) => segments.promptTokens),
      segment_documents: () =>
        int64Array(
          segments.each(({ segments }, i) => this.#firstDocument.get(segments.split[i]!)! + segments.document[i]!),
        ),
      segment_offsets: () => int64Array(segments.each(({ segments }, i) => segments.documentOffset[i]!)),
      segment_sources: () =>
        Int32Array.from(
          segments.each(({ segments }, i) => this.#sources.get(segments.sources[segments.source[i]!]!) ?? -1),
        ),
      position_ids: () => this.#positions(places),
      completion_mask: () => this.#completions(places),
    };
    return {
      rows,
      windowLength: this.#length,
      values: Object.fromEntries(columns.map(({ name }) => [name, made[name]!()])),
      offsets: {
        cu_seqlens: groups.offsets,
        seq_lengths: groups.offsets.map((offset, i) => offset - i),
        segments: segments.offsets,
      },
    };
  }

  #ids(windows: Int32Array): Int32Array<ArrayBuffer> {
    const ids = this.#keep('input_ids', windows.length * this.#length, Int32Array);
    windows.forEach((window, i) =>
      this.#corpus.readIds(window, ids.subarray(i * this.#length, (i + 1) * this.#length)),
    );
    return ids;
  }

  /** From 0 in each attention group, the padding's included. */
  #positions(places: readonly Place[]): Int32Array<ArrayBuffer> {
    const positions = this.#keep('position_ids', places.length * this.#length, Int32Array);
    const counting = this.#keep('counting', this.#length, Int32Array);
    if (counting[this.#length - 1] === 0) for (let i = 0; i < counting.length; i++) counting[i] = i;
    places.forEach(({ columns: { cuSeqlens }, row }, window) => {
      for (let g = cuSeqlens.offsets[row]!; g + 1 < cuSeqlens.offsets[row + 1]!; g++) {
        const start = cuSeqlens.values[g]!;
        positions.set(counting.subarray(0, cuSeqlens.values[g + 1]! - start), window * this.#length + start);
      }
    });
    return positions;
  }

  /** 1 where the loss is: neither in a prompt nor in the padding. */
  #completions(places: readonly Place[]): Int8Array<ArrayBuffer> {
    const mask = this.#keep('completion_mask', places.length * this.#length, Int8Array).fill(0);
    places.forEach(({ columns: { segments }, row }, window) => {
      for (let s = segments.offsets[row]!; s < segments.offsets[row + 1]!; s++) {
        const start = window * this.#length + segments.start[s]!;
        mask.fill(1, start + segments.promptTokens[s]!, start + segments.length[s]!);
      }
    });
    return mask;
  }

  #keep<T extends Int32Array<ArrayBuffer> | Int8Array<ArrayBuffer>>(
    name: string,
    length: number,
    kind: new (length: number) => T,
  ): T {
    const known = this.#kept.get(name) as T | undefined;
    const array = known && known.length >= length ? known : new kind(length);
    this.#kept.set(name, array);
    return array.subarray(0, length) as T;
  }

  /** Behind a right checksum there may still be a forgery; all that is written by place is looked at first. */
  #check({ columns: { numTokens, cuSeqlens, segments }, row }: Place, window: number): void {
    const fail = (problem: string): never => {
      throw corpusCorrupt(this.#corpus.dir, `window ${window}`, problem);
    };
    const [first, end] = [cuSeqlens.offsets[row]!, cuSeqlens.offsets[row + 1]! - 1];
    if (!(cuSeqlens.values[first] === 0 && cuSeqlens.values[end] === this.#length))
      fail(`its cu_seqlens do not go from 0 to ${this.#length}`);
    for (let g = first; g < end; g++)
      if (cuSeqlens.values[g + 1]! <= cuSeqlens.values[g]!) fail('its cu_seqlens do not ascend');
    let tokens = 0;
    for (let s = segments.offsets[row]!; s < segments.offsets[row + 1]!; s++) {
      if (segments.start[s] !== tokens || segments.length[s]! < 0) fail('its segments do not follow one another');
      if (!(segments.promptTokens[s]! >= 0 && segments.promptTokens[s]! <= segments.length[s]!))
        fail(`a prompt of ${segments.promptTokens[s]} tokens is not in its segment`);
      if (!this.#firstDocument.has(segments.split[s]!)) fail(`it has a document of split ${segments.split[s]}`);
      if (!this.#sources.has(segments.sources[segments.source[s]!]!)) fail('it has a source that the manifest has not');
      tokens += segments.length[s]!;
    }
    if (tokens !== numTokens[row] || tokens > this.#length)
      fail(`its segments have ${tokens} tokens, not ${numTokens[row]} of at most ${this.#length}`);
  }
}

/** Lengths of the groups between `offsets` of so many windows, each of which begins at 0. */
function differences(offsets: Int32Array, windows: number): Int32Array<ArrayBuffer> {
  const lengths = new Int32Array(offsets.length - windows);
  for (let i = 1, at = 0; i < offsets.length; i++) if (offsets[i] !== 0) lengths[at++] = offsets[i]! - offsets[i - 1]!;
  return lengths;
}

/** Takes the lists of some rows of some shards together. */
function gather(places: readonly Place[], offsetsOf: (columns: ShardColumns) => Int32Array) {
  const offsets = new Int32Array(places.length + 1);
  places.forEach(({ columns, row }, i) => {
    const from = offsetsOf(columns);
    offsets[i + 1] = offsets[i]! + from[row + 1]! - from[row]!;
  });
  return {
    offsets,
    int32(valuesOf: (columns: ShardColumns) => Int32Array): Int32Array<ArrayBuffer> {
      const values = new Int32Array(offsets.at(-1)!);
      places.forEach(({ columns, row }, i) => {
        const from = offsetsOf(columns);
        values.set(valuesOf(columns).subarray(from[row], from[row + 1]), offsets[i]);
      });
      return values;
    },
    each(valueOf: (columns: ShardColumns, i: number) => number): Float64Array {
      const values = new Float64Array(offsets.at(-1)!);
      let at = 0;
      for (const { columns, row } of places) {
        const from = offsetsOf(columns);
        for (let i = from[row]!; i < from[row + 1]!; i++) values[at++] = valueOf(columns, i);
      }
      return values;
    },
  };
}
