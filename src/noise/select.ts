/** Bins by the upper bits, for many values: what is looked through more than once is then one bin of 2048. */
const BIN_BITS = 11;
const MANY = 512;
const bins = new Int32Array(2 ** BIN_BITS);

/**
 * The k-th smallest, from 1, of the first n `values`, which are put into another order or lost. What it returns does not depend on how
 * it looks for it.
 */
export function smallest(values: Uint32Array, n: number, k: number): number {
  if (n < MANY) return quickselect(values, n, k);
  bins.fill(0);
  for (let i = 0; i < n; i++) bins[values[i]! >>> (32 - BIN_BITS)]!++;
  let bin = 0;
  let rank = k;
  while (rank > bins[bin]!) rank -= bins[bin++]!;
  let kept = 0;
  for (let i = 0; i < n; i++) if (values[i]! >>> (32 - BIN_BITS) === bin) values[kept++] = values[i]!;
  return quickselect(values, kept, rank);
}

function quickselect(values: Uint32Array, n: number, k: number): number {
  let low = 0;
  let high = n - 1;
  const target = k - 1;
  while (low < high) {
    const pivot = values[(low + high) >>> 1]!;
    let i = low;
    let j = high;
    while (i <= j) {
      while (values[i]! < pivot) i++;
      while (values[j]! > pivot) j--;
      if (i > j) break;
      const value = values[i]!;
      values[i++] = values[j]!;
      values[j--] = value;
    }
    if (target <= j) high = j;
    else if (target >= i) low = i;
    else break;
  }
  return values[target]!;
}
