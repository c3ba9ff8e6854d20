import { canonicalJson, type Json } from '../../core/fingerprint.ts';
import { bytesOf, type Column, rangeOf, type WindowBatch } from './columns.ts';
import { type Exporter, type Job, windowsIn } from './job.ts';

/** Ids of a shard. MosaicML's own limit is 64 MiB with all columns, what its offsets can say 4 GiB. */
const SHARD_BYTES = 32 * 1024 * 1024;
/** A shard is held in memory, twice. */
const MOST_BYTES = 64 * 1024 * 1024;
/** Its writer's default; a reader does not look at it. */
const SIZE_LIMIT = 64 * 1024 * 1024;

/** In MosaicML's order: by name. `size` in bytes, null where a sample says it. */
interface Encoded {
  readonly column: Column;
  readonly encoding: string;
  readonly size: number | null;
}

/** MosaicML Streaming's MDS, version 2, uncompressed: shards whose samples are found by offset, and `index.json`, last. */
export const exportMds: Exporter = async (job) => {
  const encoded = job.columns
    .map((column) => encode(column, job))
    .sort((a, b) => (a.column.name < b.column.name ? -1 : 1));
  const config = {
    column_encodings: encoded.map(({ encoding }) => encoding),
    column_names: encoded.map(({ column }) => column.name),
    column_sizes: encoded.map(({ size }) => size),
    compression: null,
    format: 'mds',
    hashes: ['sha256'],
    size_limit: SIZE_LIMIT,
    version: 2,
  };
  const head = Buffer.from(canonicalJson(config));
  const shards: Json[] = [];
  /** Of one shard after the other: fresh memory for each piles up faster than it is given back. */
  let memory = new Uint8Array(0);
  const perShard = windowsIn(Math.min(job.fileBytes ?? SHARD_BYTES, MOST_BYTES), job.windowLength);
  for await (const batch of job.batches(0, job.windows, perShard)) {
    const name = `shard.${String(shards.length).padStart(5, '0')}.mds`;
    const offsets = sampleOffsets(batch, encoded, head);
    const length = offsets[batch.rows]!;
    if (memory.length < length) memory = new Uint8Array(length);
    fillShard(memory, offsets, batch, encoded, head);
    const { bytes, sha256 } = await job.commit(name, (sink) => sink.write(memory.subarray(0, length)));
    const raw_data = { basename: name, bytes, hashes: { sha256 } };
    shards.push({ ...config, raw_data, samples: batch.rows, zip_data: null });
  }
  await job.commit('index.json', (sink) => sink.write(Buffer.from(canonicalJson({ shards, version: 2 }))));
};

function encode(column: Column, { windowLength }: Job): Encoded {
  const { type, shape } = column;
  const size = { int8: 1, int32: 4, int64: 8 }[type];
  if (shape === 'one') return { column, encoding: type, size };
  if (shape === 'window') return { column, encoding: `ndarray:${type}:${windowLength}`, size: size * windowLength };
  return { column, encoding: `ndarray:${type}`, size: null };
}

/** Where each sample begins in its shard, and where the last one ends; [samples + 1]. */
function sampleOffsets(batch: WindowBatch, encoded: readonly Encoded[], config: Uint8Array): Uint32Array<ArrayBuffer> {
  const { rows } = batch;
  const varying = encoded.filter(({ size }) => size === null).length;
  const offsets = new Uint32Array(rows + 1);
  offsets[0] = 4 + offsets.byteLength + config.length;
  for (let row = 0; row < rows; row++) {
    const size = encoded.reduce((sum, of) => sum + sizeOf(of, batch, row), 0);
    offsets[row + 1] = offsets[row]! + 4 * varying + size;
  }
  return offsets;
}

/** [samples] [offset of each, and of the end] [config] and the samples: [bytes of each column that varies] [columns]. */
function fillShard(
  bytes: Uint8Array<ArrayBuffer>,
  offsets: Uint32Array<ArrayBuffer>,
  batch: WindowBatch,
  encoded: readonly Encoded[],
  config: Uint8Array,
): void {
  const { rows } = batch;
  const view = new DataView(bytes.buffer);
  view.setUint32(0, rows, true);
  bytes.set(new Uint8Array(offsets.buffer), 4);
  bytes.set(config, 4 + offsets.byteLength);
  for (let row = 0; row < rows; row++) {
    let at = offsets[row]!;
    for (const of of encoded.filter(({ size }) => size === null)) {
      view.setUint32(at, sizeOf(of, batch, row), true);
      at += 4;
    }
    for (const { column, size } of encoded) {
      const [start, end] = rangeOf(column, batch, row);
      if (size === null) {
        const shape = shapeBytes(end - start);
        bytes.set(shape, at);
        at += shape.length;
      }
      const values = bytesOf(batch.values[column.name]!.subarray(start, end));
      bytes.set(values, at);
      at += values.length;
    }
  }
}

function sizeOf({ column, size }: Encoded, batch: WindowBatch, row: number): number {
  if (size !== null) return size;
  const [start, end] = rangeOf(column, batch, row);
  return shapeBytes(end - start).length + (end - start) * batch.values[column.name]!.BYTES_PER_ELEMENT;
}

/** One dimension and how many bytes its length takes, and the length. */
function shapeBytes(length: number): Uint8Array {
  const power = length < 2 ** 8 ? 0 : length < 2 ** 16 ? 1 : 2;
  const bytes = new Uint8Array(1 + 2 ** power);
  bytes[0] = (1 << 2) | power;
  for (let i = 0; i < 2 ** power; i++) bytes[1 + i] = (length >>> (8 * i)) & 0xff;
  return bytes;
}
