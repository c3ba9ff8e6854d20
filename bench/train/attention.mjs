/** Attention, forward and backward, over 8K to 128K tokens in documents of 1,024: node attention.mjs BACKEND. Prints one JSON object. */
import * as tf from '@tensorflow/tfjs-core';
import { activate } from '../../dist/train/backend/load.js';
import { attend, attendBackward } from '../../dist/train/model/attention.js';
import { disposePlan, planAttention } from '../../dist/train/model/attention-plan.js';

const [heads, width, document, rounds] = [2, 64, 1024, 3];
await activate(process.argv[2]);
/** Queries and keys, values, and the gradient of the result. */
const inputs = (tokens) =>
  [
    [tokens * 2 * heads, width / heads],
    [tokens * heads, width / heads],
    [tokens, width],
  ].map((shape) => tf.randomNormal(shape, 0, 1, 'float32', 7));
const sizes = [8192, 16384, 32768, 65536, 131072];
const seconds = Object.fromEntries(sizes.map((tokens) => [tokens, []]));
// In turn, so that a slow moment is everybody's; the first round warms up.
for (let round = 0; round <= rounds; round++)
  for (const tokens of sizes) {
    const plan = planAttention(
      Int32Array.from({ length: tokens / document + 1 }, (_, i) => i * document),
      heads,
    );
    const [qk, v, dy] = inputs(tokens);
    const begun = performance.now();
    tf.tidy(() => {
      const { value, kept } = attend(qk, v, plan, false);
      const { dqk, dv } = attendBackward(dy, value, kept, plan);
      return [dqk.dataSync()[0], dv.dataSync()[0]];
    });
    if (round > 0) seconds[tokens].push((performance.now() - begun) / 1000);
    tf.dispose([qk, v, dy]);
    disposePlan(plan);
  }
const median = (list) => list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)];
const perToken = sizes.map((tokens) => median(seconds[tokens]) / tokens);
console.log(
  JSON.stringify({
    sizes,
    seconds: sizes.map((tokens) => median(seconds[tokens])),
    ofLinear: perToken.at(-1) / perToken[0],
  }),
);
process.exit(0);
