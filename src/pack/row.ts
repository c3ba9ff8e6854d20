import { hash } from 'node:crypto';
import { keyOf, philox, STREAM } from '../core/random.ts';
import type { Subset } from '../core/window.ts';

/** SHA-256 of a text. */
export const hashOf = (text: Uint8Array): Uint8Array => hash('sha256', text, 'buffer');

/** Drawn by the text itself, so that copies of a document fall on the same side. */
export function subsetDraw(share: number, seed: number): (hash: Uint8Array) => Subset {
  const draw = new Uint32Array(4);
  const key = keyOf(seed);
  return (hash) => {
    const view = new DataView(hash.buffer, hash.byteOffset);
    philox(draw, key, view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true), STREAM.subset);
    return draw[0]! / 2 ** 32 < share ? 'validation' : 'train';
  };
}
