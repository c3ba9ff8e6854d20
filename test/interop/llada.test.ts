/** Checkpoints in PyTorch: the same logits, and the same losses when training goes on there. */
import { execFile } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import { expect, test } from 'vitest';
import { activate } from '../../src/train/backend/load.ts';
import { loadCheckpoint, saveCheckpoint } from '../../src/train/checkpoint/checkpoint.ts';
import { globalNorm } from '../../src/train/gradient-norm.ts';
import { lossAndGradients } from '../../src/train/model/loss.ts';
import { disposePlaced, HEAD, hiddenRows, place } from '../../src/train/model/model.ts';
import { initialParameters, parameterSpecs } from '../../src/train/model/parameters.ts';
import { extendRope } from '../../src/train/model/rope-extension.ts';
import { createOptimizer, update } from '../../src/train/optimizer.ts';
import { temporaryFolder } from '../support/folders.ts';
import { TINY } from '../train/fixtures.ts';

const run = promisify(execFile);
const python = process.env.ULTRAPREP_PYTHON ?? '.venv/bin/python';
const torch =
  existsSync(python) &&
  (await run(python, ['-c', 'import torch']).then(
    () => true,
    () => false,
  ));
if (!torch) console.warn('no torch in .venv (`npm run venv`): its interop tests are skipped');

const STEPS = 4;
const ROW = {
  ids: Int32Array.of(1, 9, 3, 4, 9, 6, 2, 9, 8, 0, 9, 9, 5),
  positions: Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 100, 101, 102, 103),
  groupOffsets: Int32Array.of(0, 5, 6, 13),
  masked: Int32Array.of(1, 4, 7, 10, 11),
  targets: Int32Array.of(2, 5, 7, 3, 0),
  weights: Float32Array.of(1.5, 1.5, 2, 3, 3),
};

test.skipIf(!torch)(
  'a checkpoint with an extended RoPE, in several files: logits and training',
  { timeout: 120_000 },
  async () => {
    const dir = temporaryFolder();
    await activate('wasm');
    const ropeExtension = extendRope({ theta: 10_000, headWidth: 4, length: 16 }, 128, 'diffusion-ntk');
    const ropeTheta = ropeExtension.originalTheta * ropeExtension.scale;
    const config = { ...TINY, ropeTheta, ropeExtension, maxSequenceLength: 128 };
    await saveCheckpoint(dir, initialParameters(config, 5), config, {}, 1024);
    expect(existsSync(join(dir, 'model.safetensors.index.json'))).toBe(true);
    const lists = Object.fromEntries(Object.entries(ROW).map(([name, list]) => [name, Array.from(list)]));
    writeFileSync(join(dir, 'row.json'), JSON.stringify({ ...lists, steps: STEPS }));
    const { stdout } = await run(python, ['-W', 'ignore', 'test/interop/llada_logits.py', dir, join(dir, 'row.json')]);
    const theirs = JSON.parse(stdout) as { logits: number[][]; losses: number[] };

    const { parameters } = await loadCheckpoint(dir);
    const placed = place(ROW, config);
    const logits = tf.tidy(() =>
      tf
        .matMul<tf.Tensor2D>(hiddenRows(placed, parameters, config), parameters.get(HEAD) as tf.Tensor2D, false, true)
        .arraySync(),
    );
    disposePlaced(placed);
    logits.forEach((row, i) =>
      row.forEach((logit, j) => expect(Math.abs(logit - theirs.logits[i]![j]!)).toBeLessThan(1e-4)),
    );

    const optimizer = createOptimizer(parameterSpecs(config));
    for (let step = 0; step < STEPS; step++) {
      const { loss, gradients } = lossAndGradients(ROW, parameters, config, ROW.ids.length);
      const norm = globalNorm([...gradients.values()]).dataSync()[0]!;
      expect(loss.dataSync()[0]).toBeCloseTo(theirs.losses[step]!, 4);
      update(optimizer, parameters, gradients, norm, 1e-3);
    }
  },
);
