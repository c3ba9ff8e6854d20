import { permutation } from '../core/random.ts';
import { windowKey } from './corrupt.ts';
import type { Schedule } from './schedule.ts';
import { SCALE } from './schedule.ts';
import { stratifiedTimes } from './time.ts';

export { type MaskedUnits, maskedPositions, windowKey } from './corrupt.ts';
export { linear, SCALE, type Schedule } from './schedule.ts';
export { stratifiedTimes } from './time.ts';

/** Settings of a pass; with the corpus they decide every bit of it. */
export interface PassSettings {
  readonly pass: number;
  readonly seed: number;
  readonly schedule: Schedule;
  /** Windows in an optimizer batch. */
  readonly batchWindows: number;
}

/** The draws of one window: one t for the whole window, as in LLaDA. */
export interface Draw {
  readonly window: number;
  readonly p: number;
  readonly weight: number;
  readonly key: readonly [number, number];
}

/**
 * One pass of noise over a corpus, a draw for each window, by window number. `train` and `validation` hold the
 * subsets' window numbers, ascending; times are stratified in training order for the first, in window order for the
 * second.
 */
export function drawPass(train: Int32Array, validation: Int32Array, settings: PassSettings): Draw[] {
  const { pass, seed, schedule, batchWindows } = settings;
  const order = permutation(train.length, seed, pass).map((i) => train[i]!);
  const draws: Draw[] = [];
  for (const windows of [order, validation]) {
    const times = stratifiedTimes(windows, batchWindows, seed, pass);
    windows.forEach((window, i) => {
      const p = schedule.p(times[i]!) / SCALE;
      draws.push({ window, p, weight: schedule.weight(p), key: windowKey(seed, pass, window) });
    });
  }
  return draws.sort((a, b) => a.window - b.window);
}
