import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { activate } from '../../../src/train/backend/load.ts';
import { loadCheckpoint, saveCheckpoint } from '../../../src/train/checkpoint/checkpoint.ts';
import {
  countParameters,
  disposeParameters,
  initialParameters,
  parameterSpecs,
} from '../../../src/train/model/parameters.ts';
import { readSafetensorsHeader, safetensorsHeader } from '../../../src/train/checkpoint/safetensors.ts';
import { openWeights } from '../../../src/train/checkpoint/weights-files.ts';
import { TINY } from '../fixtures.ts';

let dir = '';
beforeAll(async () => {
  await activate('cpu');
  dir = await mkdtemp(join(tmpdir(), 'ultraprep-checkpoint-'));
});
afterAll(() => rm(dir, { recursive: true, force: true }));

/** A file of this header and `dataBytes` bytes behind it. */
function fileOf(header: unknown, dataBytes: number): Uint8Array {
  const json = new TextEncoder().encode(typeof header === 'string' ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  return bytes;
}
const tensor = (begin: number, end: number, shape = [(end - begin) / 4], dtype = 'F32') => ({
  dtype,
  shape,
  data_offsets: [begin, end],
});

describe('a safetensors header', () => {
  it('comes back from its bytes, and starts the tensors at a multiple of 8', () => {
    const bytes = safetensorsHeader(
      [
        { name: 'a', shape: [2, 3] },
        { name: 'b', shape: [] },
      ],
      { made: 'here' },
    );
    expect(bytes.length % 8).toBe(0);
    expect(readSafetensorsHeader(bytes, bytes.length + 28, 'x')).toEqual({
      entries: [
        { name: 'a', dtype: 'F32', shape: [2, 3], begin: 0, end: 24 },
        { name: 'b', dtype: 'F32', shape: [], begin: 24, end: 28 },
      ],
      metadata: { format: 'pt', made: 'here' },
      dataStart: bytes.length,
    });
  });

  const huge = new Uint8Array(16).fill(0xff);
  it.each<[string, Uint8Array]>([
    ['nothing', new Uint8Array(0)],
    ['seven bytes', new Uint8Array(7)],
    ['a length of 2^64 - 1', huge],
    ['a header longer than the file', fileOf({}, 0).fill(200, 0, 1)],
    ['not JSON', fileOf('{"a": ', 0)],
    ['a list', fileOf([], 0)],
    ['invalid UTF-8', fileOf('{"a\u0000": 1}', 0).fill(0xff, 10, 12)],
    ['a tensor that is a number', fileOf({ a: 1 }, 0)],
    ['an unknown dtype', fileOf({ a: tensor(0, 8, [2], 'F31') }, 8)],
    ['a dtype of the prototype', fileOf({ a: tensor(0, 8, [2], 'constructor') }, 8)],
    ['a negative size', fileOf({ a: tensor(0, 8, [-1, -2]) }, 8)],
    ['a fractional size', fileOf({ a: tensor(0, 8, [0.5, 4]) }, 8)],
    ['a shape beyond 2^53', fileOf({ a: tensor(0, 8, [2 ** 40, 2 ** 40]) }, 8)],
    ['offsets the wrong way round', fileOf({ a: tensor(8, 0, [2]) }, 8)],
    ['offsets beyond the file', fileOf({ a: tensor(0, 400) }, 8)],
    ['three offsets', fileOf({ a: { dtype: 'F32', shape: [2], data_offsets: [0, 8, 8] } }, 8)],
    ['a shape of other size than its bytes', fileOf({ a: tensor(0, 8, [3]) }, 8)],
    ['overlapping tensors', fileOf({ a: tensor(0, 8), b: tensor(4, 12) }, 12)],
    ['a hole between tensors', fileOf({ a: tensor(0, 4), b: tensor(8, 12) }, 12)],
    ['bytes behind the last tensor', fileOf({ a: tensor(0, 4) }, 12)],
    ['metadata that is not text', fileOf({ __metadata__: { a: 1 } }, 0)],
  ])('is refused with a code: %s', (_, bytes) => {
    expect(() => readSafetensorsHeader(bytes, bytes.length, 'model.safetensors')).toThrow(
      expect.objectContaining({ code: 'CHECKPOINT_INVALID' }) as Error,
    );
  });
});

describe('a checkpoint', () => {
  it('has LLaDA’s names and shapes, and comes back bit for bit', async () => {
    const parameters = initialParameters(TINY, 5);
    await saveCheckpoint(dir, parameters, TINY);
    const bytes = await readFile(join(dir, 'model.safetensors'));
    const { entries } = readSafetensorsHeader(bytes, bytes.length, 'x');
    const shapes = new Map(entries.map(({ name, shape }) => [name, shape]));
    expect(shapes.get('model.transformer.blocks.1.ff_proj.weight')).toEqual([TINY.hidden, TINY.dModel]);
    expect(shapes.get('model.transformer.wte.weight')).toEqual([TINY.vocabSize, TINY.dModel]);
    expect(shapes.size).toBe(3 + 9 * TINY.layers);

    const loaded = await loadCheckpoint(dir);
    expect(loaded.config).toEqual(TINY);
    for (const { name } of parameterSpecs(TINY))
      expect(loaded.parameters.get(name)!.dataSync(), name).toEqual(parameters.get(name)!.dataSync());
    disposeParameters(parameters);
    disposeParameters(loaded.parameters);
  });

  it('in several files with an index comes back bit for bit, and takes the place of one file', async () => {
    const parameters = initialParameters(TINY, 6);
    const path = await saveCheckpoint(dir, parameters, TINY, {}, 1000);
    const names = (await readdir(dir)).filter((name) => name.endsWith('.safetensors'));
    expect(path).toBe(`${dir}/model.safetensors.index.json`);
    expect(names.length).toBeGreaterThan(2);
    expect(names).not.toContain('model.safetensors');
    const { metadata, weight_map: map } = JSON.parse(await readFile(path, 'utf8')) as {
      metadata: { total_size: number };
      weight_map: Record<string, string>;
    };
    expect(metadata.total_size).toBe(4 * countParameters(TINY).total);
    expect(Object.keys(map).toSorted()).toEqual(
      parameterSpecs(TINY)
        .map(({ name }) => name)
        .toSorted(),
    );
    const loaded = await loadCheckpoint(dir);
    for (const { name } of parameterSpecs(TINY))
      expect(loaded.parameters.get(name)!.dataSync(), name).toEqual(parameters.get(name)!.dataSync());
    disposeParameters(loaded.parameters);
    await saveCheckpoint(dir, parameters, TINY);
    disposeParameters(parameters);
    expect((await readdir(dir)).toSorted()).toEqual(['config.json', 'model.safetensors']);
  });

  it.each(['', '{}', '{"weight_map":{}}', '{"weight_map":{"a":"../model.safetensors"}}', '{"weight_map":{"a":7}}'])(
    'is refused with the index %s',
    async (index) => {
      const other = await mkdtemp(join(dir, 'index-'));
      await writeFile(join(other, 'config.json'), await readFile(join(dir, 'config.json')));
      await writeFile(join(other, 'model.safetensors.index.json'), index);
      await expect(loadCheckpoint(other)).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
      await rm(other, { recursive: true });
    },
  );

  it('is read from halves: bfloat16 and IEEE 754', async () => {
    const parameters = initialParameters(TINY, 5);
    const other = await mkdtemp(join(dir, 'halves-'));
    await saveCheckpoint(other, parameters, TINY);
    const path = join(other, 'model.safetensors');
    const bytes = await readFile(path);
    const { entries, dataStart } = readSafetensorsHeader(bytes, bytes.length, 'x');
    const [first] = entries;
    const header: Record<string, unknown> = {};
    const values: Buffer[] = [];
    let at = 0;
    for (const { name, shape, begin, end } of entries) {
      const floats = new Float32Array(
        bytes.buffer.slice(bytes.byteOffset + dataStart + begin, bytes.byteOffset + dataStart + end),
      );
      const half = name === first!.name;
      // All halves there are, as far as the tensor takes them; the rest as bfloat16, which is a float32 cut short.
      const halves = half
        ? Uint16Array.from(floats, (_, i) => (i * 823) % 0x7c00)
        : new Uint16Array(new Uint32Array(floats.buffer).map((word) => word >>> 16));
      header[name] = { dtype: half ? 'F16' : 'BF16', shape, data_offsets: [at, (at += halves.byteLength)] };
      values.push(Buffer.from(halves.buffer));
    }
    await writeFile(path, Buffer.concat([fileOf(header, 0), ...values]));
    const loaded = await openWeights(other);
    const read = await loaded.read(first!.name);
    // Python's struct gives these for the halves 0, 823, 1646, 2469.
    expect([...read.subarray(0, 4)]).toEqual([0, 4.9054622650146484e-5, 9.810924530029297e-5, 0.0001722574234008789]);
    const [, second] = entries;
    const exact = new Float32Array(
      bytes.buffer.slice(bytes.byteOffset + dataStart + second!.begin, bytes.byteOffset + dataStart + second!.end),
    );
    const rounded = await loaded.read(second!.name);
    rounded.forEach((value, i) => expect(Math.abs(value - exact[i]!)).toBeLessThanOrEqual(Math.abs(exact[i]!) / 128));
    await loaded.close();
    disposeParameters(parameters);
    await rm(other, { recursive: true });
  });

  it.each<[string, Record<string, unknown>]>([
    ['another width', { d_model: 16 }],
    ['another vocabulary', { vocab_size: 12 }],
    ['a width that is no number', { d_model: '8' }],
    ['heads that do not divide it', { n_heads: 3, n_kv_heads: 3 }],
    ['tied weights', { weight_tying: true }],
    ['no rotary embedding', { rope: false }],
    ['ALiBi', { alibi: true }],
    ['biases in q, k, v', { include_qkv_bias: true }],
    ['scaled logits', { scale_logits: true }],
    ['another activation', { activation_type: 'gelu' }],
    ['another block', { block_type: 'sequential' }],
    ['a padded embedding', { embedding_size: 16 }],
    ['one key for all heads', { multi_query_attention: true }],
    ['fewer layers than the file has', { n_layers: 1 }],
    ['a mask id outside the vocabulary', { mask_token_id: 10 }],
  ])('is refused with a config of %s', async (_, change) => {
    const before = tf.memory().numTensors;
    const path = join(dir, 'config.json');
    const config = await readFile(path, 'utf8');
    await writeFile(path, JSON.stringify({ ...(JSON.parse(config) as object), ...change }));
    await expect(loadCheckpoint(dir)).rejects.toMatchObject({ code: 'CHECKPOINT_INVALID' });
    await writeFile(path, config);
    expect(tf.memory().numTensors).toBe(before);
  });
});
