import type { PrepError } from '../core/errors.ts';
import { usageError } from '../core/errors.ts';
import type { BlockMask } from '../core/window.ts';
import { blockOf } from './doubled.ts';
import { DIFFUSION_BLOCK, POLICIES, type Policy } from './policy.ts';

/** Above this a dense mask costs more than 64 MiB. */
const MAX_DENSE = 8192;
const tooLarge = (length: number): PrepError =>
  usageError(`a dense attention mask of ${length} x ${length} is refused above ${MAX_DENSE}; use the block mask`);

/**
 * [T x T] 1 where query (row) may see key (column); [2T x 2T] under block diffusion. For tests and pictures: USAGE above
 * 8192 rows.
 */
export function denseMask(
  { cuSeqlens, policy }: Pick<BlockMask, 'cuSeqlens' | 'policy'>,
  diffusionBlock: number = DIFFUSION_BLOCK,
): Uint8Array {
  const { attention } = POLICIES[policy as Policy];
  const length = cuSeqlens.at(-1) ?? 0;
  const rows = attention === 'block-diffusion' ? 2 * length : length;
  if (rows > MAX_DENSE) throw tooLarge(rows);
  const dense = new Uint8Array(rows * rows);
  const see = (row: number, first: number, end: number) => dense.fill(1, row * rows + first, row * rows + end);
  for (let g = 0; g + 1 < cuSeqlens.length; g++) {
    const start = cuSeqlens[g]!;
    const end = cuSeqlens[g + 1]!;
    for (let row = start; row < end; row++) {
      if (attention === 'bidirectional') see(row, start, end);
      else if (attention === 'causal') see(row, start, row + 1);
      else {
        const [from, to] = blockOf(row, start, end, diffusionBlock);
        see(row, from, to);
        see(row, length + start, length + from);
        see(length + row, length + start, length + to);
      }
    }
  }
  return dense;
}
