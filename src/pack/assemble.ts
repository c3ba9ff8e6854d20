import type { Piece, Segment, Subset, Window } from '../core/window.ts';

/** Lays pieces side by side in a window and pads its end. Each document is an attention group of its own. */
export function assembleWindow(
  index: number,
  subset: Subset,
  pieces: readonly Piece[],
  windowLength: number,
  pad: number,
): Window {
  const inputIds = new Int32Array(windowLength);
  const segments: Segment[] = [];
  let start = 0;
  for (const { ids, split, document, source, documentOffset, part, promptTokens } of pieces) {
    inputIds.set(ids, start);
    const group = segments.length;
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
