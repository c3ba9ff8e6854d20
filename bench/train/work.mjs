/** What is trained in bench:train: sizes, and a slab of documents of unequal length, the same for every side. */

export const CASES = {
  'd128-1k': { d: 128, heads: 4, layers: 4, hidden: 384, vocabulary: 512, tokens: 1024, documents: 3, steps: 8 },
  'd512-2k': { d: 512, heads: 8, layers: 8, hidden: 1408, vocabulary: 8192, tokens: 2048, documents: 5, steps: 3 },
  'd64-128k': { d: 64, heads: 2, layers: 2, hidden: 192, vocabulary: 512, tokens: 131072, documents: 129, steps: 2 },
};

export const configOf = ({ d, heads, layers, hidden, vocabulary, tokens }) => ({
  vocabSize: vocabulary,
  dModel: d,
  heads,
  layers,
  hidden,
  ropeTheta: 10_000,
  ropeExtension: null,
  rmsNormEps: 1e-5,
  maxSequenceLength: tokens,
  maskTokenId: vocabulary - 1,
  bosTokenId: null,
  eosTokenId: null,
  padTokenId: vocabulary - 1,
});

/** Documents of half to one and a half of the mean; two of five tokens masked, each of weight 1 / 0.4. */
export function slabOf({ tokens, documents, vocabulary }) {
  let state = 12345;
  const draw = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
  const shares = Array.from({ length: documents }, () => 0.5 + draw());
  const sum = shares.reduce((a, b) => a + b, 0);
  let done = 0;
  const groupOffsets = [0, ...shares.map((share) => Math.round((tokens * (done += share)) / sum))];
  const original = Int32Array.from({ length: tokens }, () => Math.floor(draw() ** 2 * (vocabulary - 1)));
  const masked = Int32Array.from({ length: tokens }, (_, i) => i).filter(() => draw() < 0.4);
  const ids = original.slice();
  for (const at of masked) ids[at] = vocabulary - 1;
  return {
    ids,
    positions: Int32Array.from({ length: tokens }, (_, i) => i),
    groupOffsets: Int32Array.from(groupOffsets),
    masked,
    targets: masked.map((at) => original[at]),
    weights: new Float32Array(masked.length).fill(2.5),
  };
}
