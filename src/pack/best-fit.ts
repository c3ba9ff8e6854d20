import { longestFirst } from './order.ts';
import type { Placement } from './placement.ts';
import { RoomIndex } from './room-index.ts';

/**
 * Best-fit decreasing (arXiv 2404.10830; TRL's `bfd`): the longest piece first, each into the fullest window that still
 * has room for it. No length is above `windowLength`.
 */
export function bestFit(lengths: Int32Array, windowLength: number): Placement {
  const room = new RoomIndex(windowLength);
  const windowOf = new Int32Array(lengths.length);
  let windows = 0;
  for (const piece of longestFirst(lengths, windowLength)) {
    const length = lengths[piece]!;
    let window = room.take(length);
    const left = window < 0 ? windowLength : room.taken;
    if (window < 0) window = windows++;
    windowOf[piece] = window;
    if (left > length) room.add(window, left - length);
  }
  return { windows, windowOf };
}
