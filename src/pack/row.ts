import { createHash } from 'node:crypto';
import type { TokenRun } from '../core/document.ts';
import { keyOf, philox, STREAM } from '../core/random.ts';
import type { Subset } from '../core/window.ts';

/** The row of a document in its table, before it is known how many parts it gets. */
export function documentRow(run: TokenRun, sources: readonly string[], subsetOf: (hash: Uint8Array) => Subset) {
  const { origin, id, text } = run.document;
  const hash = new Uint8Array(createHash('sha256').update(text).digest().subarray(0, 16));
  return {
    ...origin,
    id,
    subset: subsetOf(hash),
    source: sources[origin.input] ?? '',
    bytes: text.length,
    tokens: run.ids.length,
    hash,
  };
}

/** Drawn by the text itself, so that copies of a document fall on the same side. */
export function subsetDraw(share: number, seed: number): (hash: Uint8Array) => Subset {
  const draw = new Uint32Array(4);
  return (hash) => {
    const view = new DataView(hash.buffer, hash.byteOffset);
    philox(draw, keyOf(seed), view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true), STREAM.subset);
    return draw[0]! / 2 ** 32 < share ? 'validation' : 'train';
  };
}
