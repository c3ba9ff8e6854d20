import type { Segment } from '../core/window.ts';
import { Column } from '../core/column.ts';
import { type Data, dictionaryData, int32Data, int64From } from './arrow.ts';
import { sourceType } from './schema.ts';

/**
 * The segments of a record batch by columns, as they come. As objects until the batch was full, 140,000 of them with short
 * lines, they outlived the nursery: with the pieces of each window a worker's heap was 80 MiB, and is 42.
 */
export class SegmentBatch {
  readonly #start = new Column(Int32Array);
  readonly #length = new Column(Int32Array);
  readonly #split = new Column(Int32Array);
  readonly #document = new Column(Int32Array);
  readonly #source = new Column(Int32Array);
  readonly #documentOffset = new Column(Float64Array);
  readonly #part = new Column(Int32Array);
  readonly #group = new Column(Int32Array);
  readonly #promptTokens = new Column(Int32Array);
  readonly #sources: readonly string[];
  readonly #rank: ReadonlyMap<string, number>;

  /** `sources` are all of the plan. */
  constructor(sources: readonly string[]) {
    this.#sources = sources;
    this.#rank = new Map(sources.map((source, i) => [source, i]));
  }

  get length(): number {
    return this.#start.length;
  }

  push(segments: readonly Segment[]): void {
    for (const segment of segments) {
      this.#start.push(segment.start);
      this.#length.push(segment.length);
      this.#split.push(segment.split);
      this.#document.push(segment.document);
      this.#source.push(this.#rank.get(segment.source) ?? 0);
      this.#documentOffset.push(segment.documentOffset);
      this.#part.push(segment.part);
      this.#group.push(segment.group);
      this.#promptTokens.push(segment.promptTokens);
    }
  }

  /** In the order of `segmentType`. */
  columns(): Data[] {
    return [
      int32Data(this.#start.values()),
      int32Data(this.#length.values()),
      int32Data(this.#split.values()),
      int32Data(this.#document.values()),
      dictionaryData(sourceType, this.#sources, this.#source.values()),
      int64From(this.#documentOffset.values()),
      int32Data(this.#part.values()),
      int32Data(this.#group.values()),
      int32Data(this.#promptTokens.values()),
    ];
  }
}
