import * as tf from '@tensorflow/tfjs-core';

import { checkpointInvalid, checkpointMismatch } from '../../core/errors.ts';
import { commitStream } from '../../io/commit.ts';
import { exists, removeFile } from '../../io/files.ts';
import { noiseRecord } from '../../core/noise.ts';
import type { Corpus } from '../../shard/index.ts';
import { createOptimizer, disposeOptimizer } from '../optimizer.ts';
import type { LoopState } from '../loop.ts';
import { disposeParameters, type Parameters, parameterSpecs } from '../model/parameters.ts';
import type { ModelConfig } from '../model/presets.ts';
import { type Progress, progressFrom } from '../progress.ts';
import type { RunSettings } from '../run-types.ts';
import { safetensorsHeader } from './safetensors.ts';
import { openFiles } from './weights-files.ts';

/** Weights, AdamW's moments, the moving average and how far a run is, in one file: it is there as a whole or as it was before. */
const RESUME = 'resume.safetensors';
const PREFIX = { first: 'optimizer.first.', second: 'optimizer.second.', average: 'average.' } as const;

/** What a run has to have in common with the one it goes on from: everything its losses depend on. */
export type RunIdentity = Readonly<Record<string, unknown>>;

export const identityOf = async (corpus: Corpus, config: ModelConfig, settings: RunSettings): Promise<RunIdentity> => ({
  corpus: corpus.manifest.plan,
  passes: corpus.passes,
  // With the corpus' plan they are all that a pass is made of; `prep noise --overwrite` makes it of others.
  ...Object.fromEntries(
    await Promise.all(
      Array.from({ length: corpus.passes }, async (_, pass) => [
        `noise of pass ${pass}`,
        noiseRecord((await corpus.noise(pass)).form),
      ]),
    ),
  ),
  steps: settings.steps,
  milliseconds: settings.milliseconds,
  batchWindows: settings.batchWindows,
  learningRate: settings.schedule.peak,
  minLearningRate: settings.schedule.floor,
  schedule: settings.schedule.shape,
  warmup: settings.schedule.warmup,
  ...settings.optimizer,
  seed: settings.seed,
  from: settings.from,
  masks: settings.masks,
  config,
});

/** Commits where a run is, after a whole step. */
export async function saveResume(
  out: string,
  state: LoopState,
  progress: Progress,
  identity: RunIdentity,
): Promise<void> {
  const { parameters, optimizer } = state;
  const tensors = [
    ...[...parameters].map(([name, tensor]) => ({ name, tensor })),
    ...(['first', 'second', 'average'] as const).flatMap((of) =>
      [...optimizer[of]].map(([name, tensor]) => ({ name: PREFIX[of] + name, tensor })),
    ),
  ];
  const about = {
    run: JSON.stringify(identity),
    progress: JSON.stringify({ ...progress, updates: optimizer.updates }),
  };
  await commitStream(`${out}/${RESUME}`, async (sink) => {
    await sink.write(
      safetensorsHeader(
        tensors.map(({ name, tensor }) => ({ name, shape: tensor.shape })),
        about,
      ),
    );
    for (const { tensor } of tensors) {
      const values = (await tensor.data()) as Float32Array;
      await sink.write(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
    }
  });
}

export const canResume = (out: string): Promise<boolean> => exists(`${out}/${RESUME}`);
/** Of an earlier run, whose checkpoint and record are about to go. */
export const removeResume = (out: string): Promise<void> => removeFile(`${out}/${RESUME}`);

/**
 * Where the run in a folder was. CHECKPOINT_MISMATCH where there is none, or where it was another run: names what differs. The
 * caller disposes.
 */
export async function loadResume(
  out: string,
  config: ModelConfig,
  { manifest }: Corpus,
  settings: RunSettings,
  identity: RunIdentity,
): Promise<{ state: LoopState; progress: Progress }> {
  const path = `${out}/${RESUME}`;
  if (!(await canResume(out)))
    throw checkpointMismatch(out, `has no ${RESUME} to resume from`, 'leave --resume out to begin anew');
  const stored = await openFiles(out, [RESUME]);
  const parameters: Parameters = new Map();
  const optimizer = createOptimizer(parameterSpecs(config), settings.optimizer);
  try {
    const parse = (name: string): Record<string, unknown> => {
      try {
        return Object(JSON.parse(stored.metadata[name] ?? '')) as Record<string, unknown>;
      } catch {
        throw checkpointInvalid(path, name, 'is not what a run writes');
      }
    };
    const run = parse('run');
    const other = Object.keys(identity).find((name) => JSON.stringify(run[name]) !== JSON.stringify(identity[name]));
    if (other !== undefined)
      throw checkpointMismatch(
        out,
        `holds a run whose ${other} was ${JSON.stringify(run[other])}, not ${JSON.stringify(identity[other])}`,
        'resume it with the same settings, or leave --resume out to begin anew',
      );
    const { updates, ...found } = parse('progress');
    const progress = progressFrom(found, manifest.windowLength);
    if (!progress || typeof updates !== 'number' || !(updates >= 0))
      throw checkpointInvalid(path, 'progress', 'is not what a run writes');
    const read = async (name: string, shape: readonly number[]): Promise<tf.Tensor> => {
      const found = stored.shapeOf(name);
      if (found?.join() !== shape.join())
        throw checkpointInvalid(
          path,
          name,
          found ? `has shape [${found.join()}], not [${shape.join()}]` : 'is missing',
        );
      return tf.tensor(await stored.read(name), [...shape]);
    };
    for (const { name, shape } of parameterSpecs(config)) {
      parameters.set(name, await read(name, shape));
      for (const moment of ['first', 'second'] as const) {
        optimizer[moment].get(name)!.dispose();
        optimizer[moment].set(name, await read(PREFIX[moment] + name, shape));
      }
      if (settings.optimizer.averageDecay !== null && updates > 0)
        optimizer.average.set(name, await read(PREFIX.average + name, shape));
    }
    optimizer.updates = updates;
    return { state: { parameters, optimizer, config }, progress };
  } catch (error) {
    disposeParameters(parameters);
    disposeOptimizer(optimizer);
    throw error;
  } finally {
    await stored.close();
  }
}
