import type { Verdict } from '../core/document.ts';
import { arrowChunks, dictionaryFrom, int32Data, int64Data, readArrow } from './arrow.ts';
import { decisionSchema, type Provenance, reasonType } from './schema.ts';

/** What was decided on the documents of a split, in the order of its survey. */
export interface DecisionColumns {
  /** First 16 bytes of each text's SHA-256, as little-endian words, of which a decision keeps eight bytes. */
  readonly hashes: Uint32Array;
  readonly copies: Int32Array;
  /** Why a document is dropped; empty where it is not. */
  reason(i: number): string;
}

/** The file of a split's decisions, as chunks to be written one after the other. */
export function decisionChunks({ hashes, copies, reason }: DecisionColumns, from: Provenance): Uint8Array[] {
  const { length } = copies;
  const words = new Uint32Array(2 * length);
  for (let i = 0; i < length; i++) words.set(hashes.subarray(4 * i, 4 * i + 2), 2 * i);
  const keys = int64Data(new BigInt64Array(words.buffer));
  const reasons = new Set(['']);
  for (let i = 0; i < length; i++) reasons.add(reason(i));
  const columns = [keys, int32Data(copies), dictionaryFrom(reasonType, [...reasons], length, reason)];
  return arrowChunks(decisionSchema(from), columns, length);
}

export interface StoredDecision {
  readonly length: number;
  /** First 8 bytes of the texts' SHA-256, little-endian. */
  readonly hashes: BigInt64Array;
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
  const hashes = column('hash').toArray() as BigInt64Array;
  const verdict = (i: number): Verdict => ({ copies: copies[i]!, dropped: dropped.get(i) as string });
  return { length: table.numRows, hashes, verdict };
}
