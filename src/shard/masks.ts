import type { BlockMask } from '../core/window.ts';
import {
  arrowBytes,
  concatInt16,
  concatInt32,
  dictionaryFrom,
  int16Data,
  int32Data,
  int64From,
  listData,
  offsetsOf,
} from './arrow.ts';
import { int16List, int32List, maskSchema, policyType, type Provenance } from './schema.ts';

/** A window of a split and its mask: what is kept of it until its table is written. */
export interface NumberedMask {
  readonly window: number;
  readonly mask: BlockMask;
}

/** A file in masks/, of windows whose masks are all doubled, or none; `info` is what its metadata says of the policy. */
export function maskBytes(
  items: readonly NumberedMask[],
  from: Provenance,
  info: Readonly<Record<string, string>>,
): Uint8Array {
  const masks = items.map(({ mask }) => mask);
  const ranges = masks.map(({ blockMask }) => blockMask);
  const doubled = ranges[0] instanceof Int16Array;
  const policies = [...new Set(masks.map(({ policy }) => policy))];
  const columns = [
    int32Data(Int32Array.from(items, ({ window }) => window)),
    dictionaryFrom(policyType, policies, items.length, (i) => masks[i]!.policy),
    listData(
      int32List,
      offsetsOf(masks.map(({ cuSeqlens }) => cuSeqlens.length)),
      int32Data(concatInt32(masks.map(({ cuSeqlens }) => cuSeqlens))),
    ),
    int32Data(Int32Array.from(masks, ({ maxSeqlen }) => maxSeqlen)),
    listData(
      doubled ? int16List : int32List,
      offsetsOf(ranges.map(({ length }) => length)),
      doubled ? int16Data(concatInt16(ranges as Int16Array[])) : int32Data(concatInt32(ranges as Int32Array[])),
    ),
    int64From(Float64Array.from(masks, ({ allowedPairs }) => allowedPairs)),
  ];
  return arrowBytes(maskSchema(from, info, doubled), columns, items.length);
}
