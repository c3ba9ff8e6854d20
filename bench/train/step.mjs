/** Training steps of one case on one backend, in a process of its own: node step.mjs CASE BACKEND. Prints one JSON object. */
import * as tf from '@tensorflow/tfjs-core';
import { activate } from '../../dist/train/backend/load.js';
import { globalNorm } from '../../dist/train/gradient-norm.js';
import { lossAndGradients } from '../../dist/train/model/loss.js';
import { initialParameters, parameterSpecs } from '../../dist/train/model/parameters.js';
import { createOptimizer, update } from '../../dist/train/optimizer.js';
import { CASES, configOf, slabOf } from './work.mjs';

const [name, backend] = process.argv.slice(2);
const work = CASES[name];
const config = configOf(work);
await activate(backend);
const parameters = initialParameters(config, 1);
const optimizer = createOptimizer(parameterSpecs(config));
const slab = slabOf(work);
const [seconds, losses] = [[], []];
for (let i = 0; i <= work.steps; i++) {
  const begun = performance.now();
  const { loss, gradients, crossEntropies } = lossAndGradients(slab, parameters, config, work.tokens);
  const norm = globalNorm([...gradients.values()]);
  losses.push(loss.dataSync()[0]);
  update(optimizer, parameters, gradients, norm.dataSync()[0], 1e-3);
  tf.dispose([loss, norm, crossEntropies, ...gradients.values()]);
  // The last update has been done when its result is there.
  parameters.get('model.transformer.ln_f.weight').dataSync();
  if (i > 0) seconds.push((performance.now() - begun) / 1000);
}
const peakMiB = process.resourceUsage().maxRSS / 1024;
console.log(JSON.stringify({ seconds, losses, peakMiB }));
process.exit(0);
