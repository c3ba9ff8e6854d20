import { noiseRecord, type NoiseForm } from '../core/noise.ts';
import type { Key } from '../core/random.ts';
import { child, float32Of, int32Of, listsOf, type Parts, wordsOf } from './arrow-columns.ts';
import {
  ArrowFile,
  concatInt32,
  type Data,
  float32Data,
  int32Data,
  listData,
  offsetsOf,
  readArrow,
  uint64Data,
} from './arrow.ts';
import type { NoisePass, NoiseRow } from './corpus.ts';
import { float32List, int32List, noiseSchema, type Provenance } from './schema.ts';

/** How a pass was made, kept as schema metadata. */
export interface PassInfo {
  readonly pass: number;
  readonly seed: number;
  readonly form: NoiseForm;
}

/** Rows and units of a record batch, at most: what the writer holds, 16 bytes a unit. */
const BATCH_ROWS = 2 ** 14;
const BATCH_UNITS = 2 ** 20;

/** The metadata of a pass's tables: numbers and settings as text. */
export const passMetadata = ({ pass, seed, form }: PassInfo): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries({ pass, seed, ...noiseRecord(form) }).map(([name, value]) => [name, String(value)]),
  );

/** The table of a pass as chunks of its file, out of its rows in window order; holds one record batch. */
export async function* noiseChunks(
  rows: AsyncIterable<NoiseRow>,
  info: PassInfo,
  from: Provenance,
): AsyncGenerator<Uint8Array> {
  const contexts = info.form.contextAlpha > 0;
  const file = new ArrowFile(noiseSchema(from, passMetadata(info), contexts));
  let batch: NoiseRow[] = [];
  let units = 0;
  for await (const row of rows) {
    if (batch.length === BATCH_ROWS || (batch.length > 0 && units + row.unitLengths.length > BATCH_UNITS)) {
      yield* file.batch(columnsOf(batch, contexts), batch.length);
      [batch, units] = [[], 0];
    }
    batch.push(row);
    units += row.unitLengths.length;
  }
  if (batch.length > 0) yield* file.batch(columnsOf(batch, contexts), batch.length);
  yield* file.end();
}

function columnsOf(rows: readonly NoiseRow[], contexts: boolean): Data[] {
  const offsets = offsetsOf(rows.map((r) => r.unitLengths.length));
  return [
    int32Data(Int32Array.from(rows, (r) => r.window)),
    listData(int32List, offsets, int32Data(concatInt32(rows.map((r) => r.unitLengths)))),
    listData(float32List, offsets, float32Data(concatFloat32(rows.map((r) => r.p)))),
    listData(float32List, offsets, float32Data(concatFloat32(rows.map((r) => r.weight)))),
    uint64Data(keyColumn(rows.map(({ key }) => key))),
    ...(contexts ? [contextColumn(rows.map((r) => r.contextWeight ?? new Float32Array(0)))] : []),
  ];
}

const contextColumn = (weights: readonly Float32Array[]): Data =>
  listData(float32List, offsetsOf(weights.map(({ length }) => length)), float32Data(concatFloat32(weights)));

function keyColumn(keys: readonly Key[]): BigUint64Array<ArrayBuffer> {
  const words = new Uint32Array(2 * keys.length);
  keys.forEach((key, i) => words.set(key, 2 * i));
  return new BigUint64Array(words.buffer);
}

function concatFloat32(arrays: readonly Float32Array[]): Float32Array {
  const whole = new Float32Array(arrays.reduce((sum, array) => sum + array.length, 0));
  let at = 0;
  for (const array of arrays) {
    whole.set(array, at);
    at += array.length;
  }
  return whole;
}

/** One record batch, as views of the file. */
interface Batch {
  readonly first: number;
  readonly windows: Int32Array;
  readonly offsets: Int32Array;
  readonly unitLengths: Int32Array;
  readonly p: Float32Array;
  readonly weight: Float32Array;
  readonly keys: Uint32Array;
  readonly contexts: { readonly offsets: Int32Array; readonly values: Float32Array } | null;
}

/** A pass from its file, made with `form`; rows stand in window order, one for each window from 0. Copies nothing. */
export function readNoise(
  bytes: Uint8Array,
  pass: number,
  form: NoiseForm,
): NoisePass & { readonly plan: string; readonly rows: number } {
  const { data, schema } = readArrow(bytes);
  const batches: Batch[] = [];
  let rows = 0;
  for (const part of data) {
    batches.push(batchOf([part], rows, form.contextAlpha > 0));
    rows += part.length;
  }
  return {
    plan: schema.metadata.get('plan') ?? '',
    pass,
    form,
    rows,
    row(window) {
      let at = 0;
      while (at + 1 < batches.length && batches[at + 1]!.first <= window) at++;
      const batch = batches[at];
      const row = window - (batch?.first ?? 0);
      if (!batch || !(row >= 0 && row < batch.windows.length)) throw new RangeError(`the pass has no window ${window}`);
      return rowOf(batch, row);
    },
  };
}

function batchOf(part: Parts, first: number, contexts: boolean): Batch {
  const rows = part[0]!.length;
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
    first,
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
