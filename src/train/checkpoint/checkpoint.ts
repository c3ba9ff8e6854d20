import * as tf from '@tensorflow/tfjs-core';

import { checkpointInvalid } from '../../core/errors.ts';
import { MAX_METADATA_BYTES } from '../../core/limits.ts';
import { commitFile, commitStream } from '../../io/commit.ts';
import { listFolder, readAll, removeFile } from '../../io/files.ts';
import { transposeMatrix } from '../backend/array-kernels.ts';
import { parameterSpecs, type Parameters, type ParameterSpec, sizeOf } from '../model/parameters.ts';
import { configFromJson, configToJson } from './checkpoint-config.ts';
import type { ModelConfig } from '../model/presets.ts';
import { safetensorsHeader } from './safetensors.ts';
import { INDEX, openWeights, partName, WEIGHTS } from './weights-files.ts';

export const CONFIG = 'config.json';

/** Hugging Face's own limit for a file. */
const MAX_PART_BYTES = 5e9;

/** Hugging Face's shape of a weight: a linear is [out, in] there. */
const storedShape = ({ kind, shape }: ParameterSpec): readonly number[] =>
  kind === 'linear' ? [shape[1]!, shape[0]!] : shape;

/**
 * Writes weights and config in Hugging Face's form, each file whole or not at all: one safetensors file, or several of at
 * most `partBytes` and an index. Resolves to the path of what a loader opens first.
 */
export async function saveCheckpoint(
  dir: string,
  parameters: Parameters,
  config: ModelConfig,
  about: Readonly<Record<string, string>> = {},
  partBytes = MAX_PART_BYTES,
): Promise<string> {
  const parts = inParts(parameterSpecs(config), partBytes);
  const nameOf = (part: number): string => (parts.length === 1 ? WEIGHTS : partName(part + 1, parts.length));
  for (const [part, specs] of parts.entries())
    await commitStream(`${dir}/${nameOf(part)}`, async (sink) => {
      const tensors = specs.map((spec) => ({ name: spec.name, shape: storedShape(spec) }));
      await sink.write(safetensorsHeader(tensors, about));
      for (const spec of specs) {
        const values = (await parameters.get(spec.name)!.data()) as Float32Array;
        const stored = spec.kind === 'linear' ? transposed(values, spec.shape[0]!, spec.shape[1]!) : values;
        await sink.write(new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
      }
    });
  if (parts.length > 1) {
    const total = parts.flat().reduce((bytes, spec) => bytes + bytesOf(spec), 0);
    const map = Object.fromEntries(parts.flatMap((specs, part) => specs.map(({ name }) => [name, nameOf(part)])));
    const index = { metadata: { total_size: total }, weight_map: map };
    await commitFile(`${dir}/${INDEX}`, `${JSON.stringify(index, null, 2)}\n`);
  }
  await commitFile(`${dir}/${CONFIG}`, `${JSON.stringify(configToJson(config), null, 2)}\n`);
  await removeWeights(dir, new Set(parts.map((_, part) => nameOf(part))));
  return `${dir}/${parts.length === 1 ? WEIGHTS : INDEX}`;
}

const bytesOf = ({ shape }: ParameterSpec): number => 4 * sizeOf(shape);

/** Weights in order, as many in a file as it takes. */
function inParts(specs: readonly ParameterSpec[], partBytes: number): ParameterSpec[][] {
  const parts: ParameterSpec[][] = [];
  let left = 0;
  for (const spec of specs) {
    if (parts.length === 0 || bytesOf(spec) > left) {
      parts.push([]);
      left = partBytes;
    }
    parts.at(-1)!.push(spec);
    left -= bytesOf(spec);
  }
  return parts;
}

/** A model of another size may have been in the folder before: a loader would open its weights first. */
async function removeWeights(dir: string, but: ReadonlySet<string>): Promise<void> {
  for (const name of await listFolder(dir)) {
    const weights = name === WEIGHTS || /^model-\d{5}-of-\d{5}\.safetensors$/.test(name);
    if ((weights && !but.has(name)) || (name === INDEX && !hasParts(but))) await removeFile(`${dir}/${name}`);
  }
}
const hasParts = (names: ReadonlySet<string>): boolean => names.size > 0 && !names.has(WEIGHTS);

/** Removes the checkpoint in a folder, if there is one: it is not of the run that writes beside it. */
export async function removeCheckpoint(dir: string): Promise<void> {
  await removeWeights(dir, new Set());
  await removeFile(`${dir}/${CONFIG}`);
}

/** Reads what `saveCheckpoint` wrote, or the weights of another LLaDA-style model. The caller disposes. */
export async function loadCheckpoint(dir: string): Promise<{ parameters: Parameters; config: ModelConfig }> {
  const config = await loadConfig(dir);
  return { parameters: await loadParameters(dir, config), config };
}

export async function loadConfig(dir: string): Promise<ModelConfig> {
  const path = `${dir}/${CONFIG}`;
  return configFromJson(new TextDecoder().decode(await readAll(path, MAX_METADATA_BYTES)), path);
}

/** The weights of a model of this config. CHECKPOINT_INVALID names what is missing, or has another shape. */
export async function loadParameters(dir: string, config: ModelConfig): Promise<Parameters> {
  const stored = await openWeights(dir);
  const parameters: Parameters = new Map();
  try {
    const specs = parameterSpecs(config);
    const known = new Set(specs.map(({ name }) => name));
    const unknown = stored.names.find((name) => !known.has(name));
    if (unknown !== undefined)
      throw checkpointInvalid(stored.fileOf(unknown), unknown, 'is no weight of a model of this config');
    for (const spec of specs) {
      const shape = storedShape(spec);
      const found = stored.shapeOf(spec.name);
      if (!found) throw checkpointInvalid(stored.fileOf(spec.name), spec.name, 'is missing');
      if (found.join() !== shape.join())
        throw checkpointInvalid(
          stored.fileOf(spec.name),
          spec.name,
          `has shape [${found.join()}], the config asks for [${shape.join()}]`,
        );
      const values = await stored.read(spec.name);
      const inMemory = spec.kind === 'linear' ? transposed(values, shape[0]!, shape[1]!) : values;
      parameters.set(spec.name, tf.tensor(inMemory, [...spec.shape]));
    }
  } catch (error) {
    tf.dispose([...parameters.values()]);
    throw error;
  } finally {
    await stored.close();
  }
  return parameters;
}

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const out = new Float32Array(values.length);
  transposeMatrix(values, out, rows, columns, 0);
  return out;
}
