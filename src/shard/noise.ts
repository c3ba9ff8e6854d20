import { noiseRecord, type NoiseForm } from '../core/noise.ts';
import type { Key } from '../core/random.ts';
import {
  ArrowFile,
  concatFloat32,
  concatInt32,
  type Data,
  float32Data,
  int32Data,
  listData,
  offsetsOf,
  uint64Data,
} from './arrow.ts';
import type { CommitSink } from '../io/commit.ts';
import type { NoiseRow } from './corpus.ts';
import type { PassReceipt } from './receipt.ts';
import { float32List, int32List, noiseSchema, type Provenance } from './schema.ts';

/** How a pass was made, kept as schema metadata. */
export interface PassInfo {
  readonly pass: number;
  readonly seed: number;
  readonly form: NoiseForm;
}

/** Rows and units of a record batch, at most: what writer and reader hold at once, 0.8 MB. */
const BATCH_ROWS = 2 ** 14;
const BATCH_UNITS = 2 ** 16;

/** The metadata of a pass's tables: numbers and settings as text. */
export const passMetadata = ({ pass, seed, form }: PassInfo): Readonly<Record<string, string>> =>
  Object.fromEntries(
    Object.entries({ pass, seed, ...noiseRecord(form) }).map(([name, value]) => [name, String(value)]),
  );

/**
 * Writes the table of a pass out of its rows in window order; holds one record batch. Returns where each lies, so that a reader need
 * not hold the table either.
 */
export async function writeRows(
  sink: CommitSink,
  rows: AsyncIterable<NoiseRow>,
  info: PassInfo,
  from: Provenance,
): Promise<PassReceipt['batches']> {
  const contexts = info.form.contextAlpha > 0;
  const file = new ArrowFile(noiseSchema(from, passMetadata(info), contexts));
  const batches: PassReceipt['batches'][number][] = [];
  const write = async (chunks: Uint8Array[]): Promise<void> => {
    for (const chunk of chunks) await sink.write(chunk);
  };
  let batch: NoiseRow[] = [];
  let units = 0;
  const flush = async (): Promise<void> => {
    const offset = sink.position;
    await write(file.batch(columnsOf(batch, contexts), batch.length));
    batches.push({ windows: batch.length, offset, bytes: sink.position - offset });
    [batch, units] = [[], 0];
  };
  await write(file.begin());
  for await (const row of rows) {
    if (batch.length === BATCH_ROWS || (batch.length > 0 && units + row.unitLengths.length > BATCH_UNITS))
      await flush();
    batch.push(row);
    units += row.unitLengths.length;
  }
  if (batch.length > 0) await flush();
  await write(file.end());
  return batches;
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
