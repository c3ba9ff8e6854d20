import type { Verdict } from '../core/document.ts';
import { arrowChunks, dictionaryFrom, int32Data, int64From, readArrow } from './arrow.ts';
import { decisionSchema, type Provenance, reasonType } from './schema.ts';

/** What was decided on the documents of a split, in the order of its survey. */
export interface DecisionColumns {
  readonly tokens: Float64Array;
  readonly copies: Int32Array;
  /** Why a document is dropped; empty where it is not. */
  reason(i: number): string;
}

/** The file of a split's decisions, as chunks to be written one after the other. */
export function decisionChunks({ tokens, copies, reason }: DecisionColumns, from: Provenance): Uint8Array[] {
  const { length } = copies;
  const reasons = new Set(['']);
  for (let i = 0; i < length; i++) reasons.add(reason(i));
  const columns = [int64From(tokens), int32Data(copies), dictionaryFrom(reasonType, [...reasons], length, reason)];
  return arrowChunks(decisionSchema(from), columns, length);
}

export interface StoredDecision {
  readonly length: number;
  readonly tokens: Float64Array;
  verdict(i: number): Verdict;
}

export function readDecision(bytes: Uint8Array): StoredDecision {
  const table = readArrow(bytes);
  const column = (name: string) => {
    const found = table.getChild(name);
    if (!found || found.length !== table.numRows) throw new Error(`it has no column ${name}`);
    return found;
  };
  const copies = column('copies').toArray() as Int32Array;
  const dropped = column('dropped').memoize();
  const tokens = Float64Array.from(column('tokens').toArray() as ArrayLike<bigint>, Number);
  const verdict = (i: number): Verdict => ({ copies: copies[i]!, dropped: dropped.get(i) as string });
  return { length: table.numRows, tokens, verdict };
}
