import type { Segment } from '../../src/core/window.ts';

/** Segments of these lengths, side by side, each a document; `groups` are their attention groups, by default one each. */
export function segmentsOf(lengths: readonly number[], groups: readonly number[] = [...lengths.keys()]): Segment[] {
  let start = 0;
  return lengths.map((length, i) => {
    const segment = {
      start,
      length,
      split: 0,
      document: i,
      source: '',
      documentOffset: 0,
      part: 0,
      group: groups[i]!,
      promptTokens: 0,
    };
    start += length;
    return segment;
  });
}
