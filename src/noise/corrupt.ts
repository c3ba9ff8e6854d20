import { type Key, keyOf, philox, STREAM } from '../core/random.ts';
import { SCALE } from './schedule.ts';

/** The key of a window's masked positions in a pass. */
export function windowKey(seed: number, pass: number, window: number): Key {
  const draw = new Uint32Array(4);
  philox(draw, keyOf(seed), window, 0, pass, STREAM.window);
  return [draw[0]!, draw[1]!];
}

/** What decides the masked positions of a window; a row of a noise pass has it. */
export interface MaskedUnits {
  readonly unitLengths: Int32Array;
  readonly p: Float32Array;
  readonly key: Key;
}

/**
 * [length] 1 where a token is masked: position i is masked when the upper 24 bits of its Philox word are below p * 2^24,
 * p that of its unit. Depends on (seed, pass, window, position) only. `length` >= the units' sum; the rest stays 0.
 */
export function maskedPositions(row: MaskedUnits, length: number): Uint8Array {
  const masked = new Uint8Array(length);
  const draw = new Uint32Array(4);
  let position = 0;
  let block = -1;
  for (let unit = 0; unit < row.unitLengths.length; unit++) {
    const end = position + row.unitLengths[unit]!;
    const threshold = row.p[unit]! * SCALE;
    for (; position < end; position++) {
      if (position >>> 2 !== block) {
        block = position >>> 2;
        philox(draw, row.key, block, 0, 0, STREAM.position);
      }
      if (draw[position & 3]! >>> 8 < threshold) masked[position] = 1;
    }
  }
  return masked;
}
