import type { NoiseForm } from '../core/noise.ts';
import { child, float32Of, int32Of, listsOf, type Parts, wordsOf } from './arrow-columns.ts';
import { ArrowFile, readArrow, schemaOf } from './arrow.ts';
import type { NoisePass, NoiseRow } from './corpus.ts';
import type { PassReceipt } from './receipt.ts';
import { noiseFields } from './schema.ts';

/** Bytes of record batches that are kept: a pass over 100,000 windows of 100 documents has twice as many. */
const KEEP = 64 * 1024 * 1024;

/** One record batch, as views of its bytes. */
interface Batch {
  readonly windows: Int32Array;
  readonly offsets: Int32Array;
  readonly unitLengths: Int32Array;
  readonly p: Float32Array;
  readonly weight: Float32Array;
  readonly keys: Uint32Array;
  readonly contexts: { readonly offsets: Int32Array; readonly values: Float32Array } | null;
}

/**
 * A pass made with `form`: rows stand in window order, one for each window from 0. Reads a record batch when a row of it is asked for,
 * 0.8 MB in 0.3 ms, and keeps the last ones. `read` fills its second argument from a byte of the file. Throws plain errors.
 */
export function readNoise(
  { pass, batches, bytes }: PassReceipt,
  form: NoiseForm,
  read: (position: number, target: Uint8Array) => void,
): NoisePass {
  const at = (position: number, length: number): Uint8Array => {
    if (!(length >= 0 && position + length <= bytes))
      throw new Error(`bytes ${position} to ${position + length}, of ${bytes}`);
    const target = new Uint8Array(length);
    read(position, target);
    return target;
  };
  // With a schema before it a record batch is an Arrow stream.
  const head = Buffer.concat(new ArrowFile(schemaOf(noiseFields(form.contextAlpha > 0), {}), 'stream').begin());
  const first = batches.map(() => 0);
  for (let i = 1; i < batches.length; i++) first[i] = first[i - 1]! + batches[i - 1]!.windows;
  const kept = new Map<number, Batch>();
  let held = 0;
  const batch = (i: number): Batch => {
    const known = kept.get(i);
    kept.delete(i);
    const { offset, bytes: size, windows } = batches[i]!;
    const found =
      known ?? batchOf(readArrow(Buffer.concat([head, at(offset, size)])).data, windows, form.contextAlpha > 0);
    kept.set(i, found);
    if (!known) held += size;
    for (const oldest of kept.keys()) {
      if (held <= KEEP || oldest === i) break;
      kept.delete(oldest);
      held -= batches[oldest]!.bytes;
    }
    return found;
  };
  return {
    pass,
    form,
    row(window) {
      let [low, high] = [0, batches.length];
      while (high - low > 1) {
        const middle = (low + high) >>> 1;
        if (first[middle]! <= window) low = middle;
        else high = middle;
      }
      const row = window - (first[low] ?? 0);
      if (!(row >= 0 && row < (batches[low]?.windows ?? 0))) throw new RangeError(`the pass has no window ${window}`);
      return rowOf(batch(low), row);
    },
  };
}

function batchOf(part: Parts, rows: number, contexts: boolean): Batch {
  if (part.length !== 1 || part[0]!.length !== rows) throw new Error(`a record batch has not ${rows} rows`);
  const lengths = listsOf(child(part, 'unit_lengths'), rows);
  const floats = (name: string) => {
    const { offsets, items } = listsOf(child(part, name), rows);
    return { offsets, values: float32Of(items[0]!) };
  };
  const [p, weight] = [floats('p'), floats('weight')];
  for (let row = 0; row <= rows; row++)
    if (p.offsets[row] !== lengths.offsets[row] || weight.offsets[row] !== lengths.offsets[row])
      throw new Error(`row ${row} has not a p and a weight for each of its units`);
  return {
    windows: int32Of(child(part, 'window'), rows),
    offsets: lengths.offsets,
    unitLengths: int32Of(lengths.items, lengths.offsets[rows]!),
    p: p.values,
    weight: weight.values,
    keys: wordsOf(child(part, 'key')[0]!),
    contexts: contexts ? floats('context_weight') : null,
  };
}

function rowOf({ windows, offsets, unitLengths, p, weight, keys, contexts }: Batch, row: number): NoiseRow {
  const [from, to] = [offsets[row], offsets[row + 1]];
  return {
    window: windows[row]!,
    unitLengths: unitLengths.subarray(from, to),
    p: p.subarray(from, to),
    weight: weight.subarray(from, to),
    key: [keys[2 * row]!, keys[2 * row + 1]!],
    contextWeight: contexts?.values.subarray(contexts.offsets[row], contexts.offsets[row + 1]) ?? null,
  };
}
