import type { PrepError } from '../core/errors.ts';
import { usageError } from '../core/errors.ts';

/** Above this a dense mask costs more than 64 MiB. */
const MAX_DENSE = 8192;
const tooLarge = (length: number): PrepError =>
  usageError(`a dense attention mask of ${length} x ${length} is refused above ${MAX_DENSE}; use the block mask`);

/** [T x T] 1 where query (row) may see key (column). For tests and pictures. */
export function denseMask(cuSeqlens: Int32Array): Uint8Array {
  const length = cuSeqlens[cuSeqlens.length - 1] ?? 0;
  if (length > MAX_DENSE) throw tooLarge(length);
  const dense = new Uint8Array(length * length);
  for (let g = 0; g + 1 < cuSeqlens.length; g++) {
    const start = cuSeqlens[g]!;
    const end = cuSeqlens[g + 1]!;
    for (let row = start; row < end; row++) dense.fill(1, row * length + start, row * length + end);
  }
  return dense;
}
