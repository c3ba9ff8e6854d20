import type { Piece, Segment, Subset, Window } from '../core/window.ts';

/** Lays pieces side by side in a window and pads its end. Neighbours with one key are an attention group, others one each. */
export function assembleWindow(
  index: number,
  subset: Subset,
  pieces: Iterable<Piece>,
  inputIds: Int32Array,
  pad: number,
): Window {
  const segments: Segment[] = [];
  let start = 0;
  let group = -1;
  let before = 0n;
  for (const { ids, split, document, source, documentOffset, part, promptTokens, key } of pieces) {
    inputIds.set(ids, start);
    if (key === 0n || key !== before) group++;
    before = key;
    segments.push({
      start,
      length: ids.length,
      split,
      document,
      source,
      documentOffset,
      part,
      group,
      promptTokens,
    });
    start += ids.length;
  }
  inputIds.fill(pad, start);
  return { index, subset, inputIds, numTokens: start, segments };
}
