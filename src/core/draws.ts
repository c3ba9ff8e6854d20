/** Draws by the content of a text: what is decided so is the same for the same text, wherever it stands. */
import { keyOf, philox, STREAM } from './random.ts';
import type { Subset } from './window.ts';

/** A number in [0, 1) for a text, of which `hash` is the SHA-256 or its first 12 bytes or more. */
function contentDraw(seed: number, stream: number): (hash: Uint8Array) => number {
  const draw = new Uint32Array(4);
  const key = keyOf(seed);
  return (hash) => {
    const view = new DataView(hash.buffer, hash.byteOffset);
    philox(draw, key, view.getUint32(0, true), view.getUint32(4, true), view.getUint32(8, true), stream);
    return draw[0]! / 2 ** 32;
  };
}

/** Which documents are held out: those of `share` of all texts, with all their copies. */
export function subsetDraw(share: number, seed: number): (hash: Uint8Array) => Subset {
  const draw = contentDraw(seed, STREAM.subset);
  return (hash) => (draw(hash) < share ? 'validation' : 'train');
}

/**
 * How often a document is there: the whole part of `epochs` for certain, the fraction by a draw. It has a stream of its own:
 * whether a document is held out says nothing about it.
 */
export function copiesDraw(seed: number): (epochs: number, hash: Uint8Array) => number {
  const draw = contentDraw(seed, STREAM.copies);
  return (epochs, hash) => {
    const whole = Math.floor(epochs);
    return epochs > whole && draw(hash) < epochs - whole ? whole + 1 : whole;
  };
}
