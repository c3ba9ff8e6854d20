import { RoomIndex } from './room-index.ts';

/**
 * Best-fit decreasing (arXiv 2404.10830): the longest piece first, each into the fullest window that still has room for
 * it. Returns the pieces of each window as ascending numbers, so documents keep their order inside a window.
 */
export function bestFitDecreasing(lengths: Int32Array, windowLength: number): number[][] {
  const room = new RoomIndex(windowLength);
  const windows: number[][] = [];
  for (const piece of byLengthDescending(lengths)) {
    const length = lengths[piece]!;
    const [window, left] = room.take(length) ?? [windows.push([]) - 1, windowLength];
    windows[window]!.push(piece);
    if (left > length) room.add(window, left - length);
  }
  for (const pieces of windows) pieces.sort((a, b) => a - b);
  return windows;
}

const byLengthDescending = (lengths: Int32Array): Int32Array =>
  Int32Array.from({ length: lengths.length }, (_, i) => i).sort((a, b) => lengths[b]! - lengths[a]! || a - b);
