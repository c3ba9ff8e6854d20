import { keyOf, philox, STREAM } from '../../core/random.ts';

/** Draws of one trial, one after the other: they depend on the seed and the numbers given alone. */
export interface Draws {
  /** 0 to n - 1. */
  below(n: number): number;
  /** `count` different ones of `items`, in a random order. */
  some<T>(items: readonly T[], count: number): T[];
}

export function drawsOf(seed: number, length: number, depth: number): Draws {
  const key = keyOf(seed);
  const draw = new Uint32Array(4);
  let next = 0;
  const below = (n: number): number => {
    philox(draw, key, next++, length, depth, STREAM.probe);
    const u = (draw[0]! + draw[1]! / 2 ** 32) / 2 ** 32;
    return Math.min(n - 1, Math.floor(u * n));
  };
  return {
    below,
    some(items, count) {
      const all = [...items];
      for (let i = 0; i < count; i++) {
        const other = i + below(all.length - i);
        [all[i], all[other]] = [all[other]!, all[i]!];
      }
      return all.slice(0, count);
    },
  };
}
