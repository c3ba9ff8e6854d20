import type { NoiseForm } from '../core/noise.ts';
import { keyOf, philox, STREAM } from '../core/random.ts';
import { SCALE } from './schedule.ts';

/**
 * Times in [0, 1) of all units of one optimizer batch, [units] float64, the windows' one after the other. `windows` holds window
 * numbers in training order, `counts` the units of each.
 *
 * - stratified: of U units exactly one falls into each of [i/U, (i+1)/U), in a random place of the batch. Peers stratify over
 *   the device's batch, which is one window at 128K, so nothing is stratified; over the optimizer batch the loss variance fell
 *   from 0.094 to 0.0014 in a simulation with 8 windows.
 * - antithetic: the second of two units in a row has 1 - t of the first.
 * - uniform: each by itself.
 */
export function batchTimes(
  times: NoiseForm['times'],
  windows: Int32Array,
  counts: Int32Array,
  seed: number,
  pass: number,
): Float64Array {
  const key = keyOf(seed);
  const draw = new Uint32Array(4);
  const size = counts.reduce((sum, count) => sum + count, 0);
  const rank = new Float64Array(times === 'stratified' ? size : 0);
  const inside = new Float64Array(size);
  let at = 0;
  for (let i = 0; i < windows.length; i++)
    for (let unit = 0; unit < counts[i]!; unit++, at++) {
      philox(draw, key, windows[i]!, unit, pass, STREAM.time);
      inside[at] = draw[2]! >>> 8;
      if (times === 'stratified') rank[at] = draw[0]! * 2 ** 21 + (draw[1]! >>> 11);
    }
  if (times !== 'stratified')
    return inside.map(
      (place, i) => (times === 'antithetic' && i % 2 === 1 ? SCALE - 1 - inside[i - 1]! : place) / SCALE,
    );
  // Stratum of a unit = rank of its draw among the batch: a random permutation, whatever the order inside it.
  const byRank = Int32Array.from({ length: size }, (_, i) => i).sort((a, b) => rank[a]! - rank[b]! || a - b);
  byRank.forEach((i, stratum) => {
    inside[i] = (stratum * SCALE + inside[i]!) / (size * SCALE);
  });
  return inside;
}
