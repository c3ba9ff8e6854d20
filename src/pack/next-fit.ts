import type { Placement } from './placement.ts';

/** Each piece into the window of the one before, or a new one where it has no room: what concatenating and cutting leaves to do. */
export function nextFit(lengths: Int32Array, windowLength: number): Placement {
  const windowOf = new Int32Array(lengths.length);
  let windows = 0;
  let room = 0;
  for (let piece = 0; piece < lengths.length; piece++) {
    const length = lengths[piece]!;
    if (length > room) {
      windows++;
      room = windowLength;
    }
    windowOf[piece] = windows - 1;
    room -= length;
  }
  return { windows, windowOf };
}
