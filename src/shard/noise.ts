import {
  arrowBytes,
  concatInt32,
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
  readonly schedule: string;
  readonly eps: number;
  readonly batchWindows: number;
}

export function noiseBytes(rows: readonly NoiseRow[], info: PassInfo, from: Provenance): Uint8Array {
  const settings = Object.fromEntries(Object.entries(info).map(([name, value]) => [snake(name), String(value)]));
  const offsets = offsetsOf(rows.map((r) => r.unitLengths.length));
  const floats = (of: (row: NoiseRow) => Float32Array) =>
    listData(float32List, offsets, float32Data(Float32Array.from(rows.flatMap((row) => [...of(row)]))));
  const columns = [
    int32Data(Int32Array.from(rows, (r) => r.window)),
    listData(int32List, offsets, int32Data(concatInt32(rows.map((r) => r.unitLengths)))),
    floats((r) => r.p),
    floats((r) => r.weight),
    uint64Data(BigUint64Array.from(rows, ({ key }) => (BigInt(key[1]) << 32n) | BigInt(key[0]))),
  ];
  return arrowBytes(noiseSchema(from, settings), columns, rows.length);
}

const snake = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** A pass from its file; rows stand in window order, one for each window from 0. */
export function readNoise(bytes: Uint8Array): NoisePass & { readonly plan: string; readonly rows: number } {
  const table = readArrow(bytes);
  const { metadata } = table.schema;
  return {
    plan: metadata.get('plan') ?? '',
    pass: Number(metadata.get('pass')),
    batchWindows: Number(metadata.get('batch_windows')),
    schedule: metadata.get('schedule') ?? '',
    rows: table.numRows,
    row(window) {
      const row = table.get(window);
      if (!row) throw new RangeError(`the pass has no window ${window}`);
      const key = row.key as bigint;
      return {
        window: row.window as number,
        unitLengths: row.unit_lengths.toArray() as Int32Array,
        p: row.p.toArray() as Float32Array,
        weight: row.weight.toArray() as Float32Array,
        key: [Number(key & 0xffffffffn), Number(key >> 32n)],
      };
    },
  };
}
