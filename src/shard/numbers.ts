import { oncePer } from '../core/once.ts';
import { receiptPath, streamReceiptPath } from './receipt.ts';

/** An entry of a plan, as far as numbers go: one split, or with `slots` as many numbers kept for an input cut while it is read. */
export interface Numbered {
  readonly slots?: number;
}

/** [entries + 1]: the first split number of each entry, and last the number after all of them, which the tails' split has. */
export const firstNumbers = oncePer((entries: readonly Numbered[]): readonly number[] => {
  const first = [0];
  for (const { slots } of entries) first.push(first.at(-1)! + (slots ?? 1));
  return first;
});

/** The receipt that says an entry is done, when those of its splits are there too. */
export const lastReceipt = ({ slots }: Numbered, first: number): string =>
  slots === undefined ? receiptPath(first) : streamReceiptPath(first);
