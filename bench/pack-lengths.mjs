/**
 * The packer alone, lengths to windows: a million documents of log-normal lengths (median 400 tokens, a few of 100,000 and
 * more), for each method and three windows. Prints documents a second, best of five, windows and fill.
 */
import { packLengths } from '../dist/pack/index.js';

const DOCUMENTS = 1_000_000;
let state = 2510;
const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const normal = () => Array.from({ length: 12 }, random).reduce((a, b) => a + b, -6);
const lengths = Int32Array.from({ length: DOCUMENTS }, () => Math.max(1, Math.round(400 * Math.exp(1.3 * normal()))));

console.log('method               window   M documents/s   windows     fill   cut documents');
for (const windowLength of [2048, 8192, 131072])
  for (const method of ['best-fit', 'balanced-fit', 'first-fit', 'first-fit-decreasing', 'concat']) {
    const options = { windowLength, method, longDocuments: 'split', minSegment: 0, separator: false };
    let best = Infinity;
    let packed;
    for (let i = 0; i < 5; i++) {
      const begun = performance.now();
      packed = packLengths(lengths, options);
      best = Math.min(best, performance.now() - begun);
    }
    const fill = (100 * packed.tokens.packed) / (packed.windows * windowLength);
    console.log(
      method.padEnd(20),
      String(windowLength).padStart(6),
      (DOCUMENTS / best / 1000).toFixed(2).padStart(15),
      String(packed.windows).padStart(9),
      `${fill.toFixed(2)} %`.padStart(8),
      String(packed.cutDocuments).padStart(15),
    );
  }
