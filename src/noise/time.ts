import { keyOf, philox, STREAM } from '../core/random.ts';
import { SCALE } from './schedule.ts';

/**
 * t of every window of a sequence in training order, stratified over each optimizer batch: of B windows exactly one
 * falls into each of [i/B, (i+1)/B), in a random place of the batch. Peers stratify over the device's batch, which
 * is one window at 128K, so nothing is stratified; over the optimizer batch the loss variance fell from 0.094 to 0.0014
 * in a simulation with 8 windows.
 *
 * `windows` holds window numbers in training order; returns the time of each, [windows] float64 in [0, 1).
 */
export function stratifiedTimes(windows: Int32Array, batchWindows: number, seed: number, pass: number): Float64Array {
  const key = keyOf(seed);
  const draw = new Uint32Array(4);
  const times = new Float64Array(windows.length);
  for (let first = 0; first < windows.length; first += batchWindows) {
    const size = Math.min(batchWindows, windows.length - first);
    const rank = new Float64Array(size);
    const inside = new Float64Array(size);
    for (let i = 0; i < size; i++) {
      philox(draw, key, windows[first + i]!, 0, pass, STREAM.time);
      rank[i] = draw[0]! * 2 ** 21 + (draw[1]! >>> 11);
      inside[i] = draw[2]! >>> 8;
    }
    // Stratum of a window = rank of its draw among the batch: a random permutation, whatever the order inside it.
    const byRank = Int32Array.from({ length: size }, (_, i) => i).sort((a, b) => rank[a]! - rank[b]! || a - b);
    byRank.forEach((i, stratum) => {
      times[first + i] = (stratum * SCALE + inside[i]!) / (size * SCALE);
    });
  }
  return times;
}
