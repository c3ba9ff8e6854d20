import { InvalidArgumentError } from 'commander';

export const positive = (text: string): number => {
  const value = Number(text);
  if (!(value > 0) || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number above 0.');
  return value;
};
export const notNegative = (text: string): number => {
  const value = Number(text);
  if (!(value >= 0) || !Number.isFinite(value)) throw new InvalidArgumentError('expected a number from 0.');
  return value;
};
export const count = (text: string): number => {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw new InvalidArgumentError('expected a whole number.');
  return value;
};
export const countFrom1 = (text: string): number => {
  const value = count(text);
  if (value === 0) throw new InvalidArgumentError('expected at least 1.');
  return value;
};
/** At least 0, below 1. */
export const decay = (text: string): number => {
  const value = notNegative(text);
  if (value >= 1) throw new InvalidArgumentError('expected a number below 1.');
  return value;
};
export const betas = (text: string): [number, number] => {
  const [first, second, ...more] = text.split(',').map(decay);
  if (first === undefined || second === undefined || more.length > 0)
    throw new InvalidArgumentError('expected two numbers, such as 0.9,0.95.');
  return [first, second];
};
