import * as tf from '@tensorflow/tfjs-core';

import { checkpointInvalid } from '../core/errors.ts';
import { MAX_METADATA_BYTES } from '../core/limits.ts';
import { commitFile, commitStream } from '../io/commit.ts';
import { openForRead, readAll } from '../io/files.ts';
import { transposeMatrix } from './array-kernels.ts';
import { parameterSpecs, sizeOf, type Parameters, type ParameterSpec } from './parameters.ts';
import { configFromJson, configToJson } from './checkpoint-config.ts';
import type { ModelConfig } from './presets.ts';
import { headerLength, readSafetensorsHeader, safetensorsHeader } from './safetensors.ts';

export const WEIGHTS = 'model.safetensors';
export const CONFIG = 'config.json';

/** Hugging Face's shape of a weight: a linear is [out, in] there. */
const storedShape = ({ kind, shape }: ParameterSpec): readonly number[] =>
  kind === 'linear' ? [shape[1]!, shape[0]!] : shape;

/** Writes weights and config in Hugging Face's form, each file whole or not at all. Resolves to the weights' path. */
export async function saveCheckpoint(
  dir: string,
  parameters: Parameters,
  config: ModelConfig,
  about: Readonly<Record<string, string>> = {},
): Promise<string> {
  const specs = parameterSpecs(config);
  const path = `${dir}/${WEIGHTS}`;
  await commitStream(path, async (sink) => {
    const tensors = specs.map((spec) => ({ name: spec.name, shape: storedShape(spec) }));
    await sink.write(safetensorsHeader(tensors, about));
    for (const spec of specs) {
      const values = (await parameters.get(spec.name)!.data()) as Float32Array;
      const stored = spec.kind === 'linear' ? transposed(values, spec.shape[0]!, spec.shape[1]!) : values;
      await sink.write(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
    }
  });
  await commitFile(`${dir}/${CONFIG}`, `${JSON.stringify(configToJson(config), null, 2)}\n`);
  return path;
}

/** Reads what `saveCheckpoint` wrote, or the float32 weights of another LLaDA-style model. The caller disposes. */
export async function loadCheckpoint(dir: string): Promise<{ parameters: Parameters; config: ModelConfig }> {
  const configPath = `${dir}/${CONFIG}`;
  const config = configFromJson(new TextDecoder().decode(await readAll(configPath, MAX_METADATA_BYTES)), configPath);
  const path = `${dir}/${WEIGHTS}`;
  const file = await openForRead(path);
  const parameters: Parameters = new Map();
  try {
    const length = headerLength(await file.read(0, Math.min(8, file.size)), file.size, path);
    const header = readSafetensorsHeader(await file.read(0, 8 + length), file.size, path);
    const entries = new Map(header.entries.map((entry) => [entry.name, entry]));
    const specs = parameterSpecs(config);
    const known = new Set(specs.map(({ name }) => name));
    const unknown = header.entries.find(({ name }) => !known.has(name));
    if (unknown) throw checkpointInvalid(path, unknown.name, 'is no weight of a model of this config');
    for (const spec of specs) {
      const entry = entries.get(spec.name);
      const shape = storedShape(spec);
      if (!entry) throw checkpointInvalid(path, spec.name, 'is missing');
      if (entry.dtype !== 'F32') throw checkpointInvalid(path, spec.name, `is ${entry.dtype}, only F32 is read`);
      if (entry.shape.join() !== shape.join())
        throw checkpointInvalid(
          path,
          spec.name,
          `has shape [${entry.shape.join()}], the config asks for [${shape.join()}]`,
        );
      const bytes = await file.read(header.dataStart + entry.begin, entry.end - entry.begin);
      const values = new Float32Array(bytes.buffer, 0, sizeOf(shape));
      const inMemory = spec.kind === 'linear' ? transposed(values, shape[0]!, shape[1]!) : values;
      parameters.set(spec.name, tf.tensor(inMemory, [...spec.shape]));
    }
  } catch (error) {
    tf.dispose([...parameters.values()]);
    throw error;
  } finally {
    await file.close();
  }
  return { parameters, config };
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  transposeMatrix(values, out, rows, columns, 0);
  return out;
}
