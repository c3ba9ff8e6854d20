import { InvalidArgumentError } from 'commander';
import { quantity } from '../../config/index.ts';
import type { RopeMethod } from '../../train/index.ts';

export interface EvalFlags {
  ppl?: boolean;
  niah?: boolean;
  retrieval?: boolean;
  corpus?: string;
  lengths?: number[];
  depths: number[];
  trials: number;
  samples: number;
  pieces: number;
  pairs: number[];
  haystack?: string;
  needle?: string;
  question?: string;
  answer?: string;
  keys?: string[];
  values?: string[];
  seed: number;
  rope?: RopeMethod;
  ropeCritical?: number;
  backend?: string;
  out?: string;
  json?: boolean;
}

/** Longer texts than any model was made for; what is allocated by a length stays bounded. */
const MAX_LENGTH = 2 ** 24;

/** Parts between commas. */
export const listOf =
  <T>(parse: (text: string) => T) =>
  (text: string): T[] =>
    text.split(',').map((part) => parse(part.trim()));

const ascending = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b);

export const lengthList = (text: string): number[] =>
  ascending(
    listOf((part) => {
      const length = quantity(part);
      if (Number.isInteger(length) && length >= 1 && length <= MAX_LENGTH) return length;
      throw new InvalidArgumentError('expected numbers of tokens, such as 4096,32k.');
    })(text),
  );

/** `0,50,100` to shares. */
export const percentList = (text: string): number[] =>
  ascending(
    listOf((part) => {
      const percent = part === '' ? Number.NaN : Number(part.replace(/%$/, ''));
      if (percent >= 0 && percent <= 100) return percent / 100;
      throw new InvalidArgumentError('expected percents, such as 0,50,100.');
    })(text),
  );
