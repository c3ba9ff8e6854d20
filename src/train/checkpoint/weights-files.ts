import { checkpointInvalid, isPrepError } from '../../core/errors.ts';
import { MAX_METADATA_BYTES } from '../../core/limits.ts';
import { exists, openForRead, readAll, type ReadHandle } from '../../io/files.ts';
import { headerLength, readSafetensorsHeader, type TensorEntry } from './safetensors.ts';

export const WEIGHTS = 'model.safetensors';
export const INDEX = 'model.safetensors.index.json';

/** One of several files that hold a model's weights, as Hugging Face names them. */
export const partName = (part: number, parts: number): string =>
  `model-${String(part).padStart(5, '0')}-of-${String(parts).padStart(5, '0')}.safetensors`;

/** Bytes of each element type that weights are read from, and how it becomes float32. */
const READ: Readonly<Record<string, (bytes: Uint8Array<ArrayBuffer>) => Float32Array>> = {
  F32: (bytes) => new Float32Array(bytes.buffer),
  BF16: (bytes) => {
    const halves = new Uint16Array(bytes.buffer);
    const words = new Uint32Array(halves.length);
    for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
    return new Float32Array(words.buffer);
  },
  F16: (bytes) => Float32Array.from(new Uint16Array(bytes.buffer), fromHalf),
};

/** IEEE 754 binary16: 1 bit of sign, 5 of exponent, 10 of fraction. */
function fromHalf(half: number): number {
  const fraction = half & 0x3ff;
  const exponent = (half >> 10) & 0x1f;
  const sign = half & 0x8000 ? -1 : 1;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
}

/** The weights of a checkpoint: one safetensors file, or several and an index. */
export interface StoredWeights {
  /** The file that one is in, for messages. */
  fileOf(name: string): string;
  readonly names: readonly string[];
  /** Its shape, or undefined where there is no such weight. */
  shapeOf(name: string): readonly number[] | undefined;
  /** What the last of the files says of itself. */
  readonly metadata: Readonly<Record<string, string>>;
  /** Values as float32, whatever they are stored as. */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}

/** Opens the weights in a folder. CHECKPOINT_INVALID names the file and what is wrong in it. */
export async function openWeights(dir: string): Promise<StoredWeights> {
  const index = `${dir}/${INDEX}`;
  return openFiles(
    dir,
    !(await exists(`${dir}/${WEIGHTS}`)) && (await exists(index)) ? await partsOf(index) : [WEIGHTS],
  );
}

/** The tensors of these safetensors files in a folder, together. */
export async function openFiles(dir: string, names: readonly string[]): Promise<StoredWeights> {
  const files: { path: string; file: ReadHandle; dataStart: number }[] = [];
  const entries = new Map<string, { entry: TensorEntry; at: number }>();
  let metadata: Readonly<Record<string, string>> = {};
  const close = async (): Promise<void> => {
    for (const { file } of files) await file.close();
  };
  try {
    for (const name of names) {
      const path = `${dir}/${name}`;
      const file = await openForRead(path);
      const at = files.push({ path, file, dataStart: 0 }) - 1;
      const length = headerLength(await file.read(0, Math.min(8, file.size)), file.size, path);
      const header = readSafetensorsHeader(await file.read(0, 8 + length), file.size, path);
      files[at]!.dataStart = header.dataStart;
      metadata = header.metadata;
      for (const entry of header.entries) {
        const other = entries.get(entry.name);
        if (other) throw checkpointInvalid(path, entry.name, `is in ${files[other.at]!.path} too`);
        if (!Object.hasOwn(READ, entry.dtype))
          throw checkpointInvalid(path, entry.name, `is ${entry.dtype}; F32, BF16 and F16 are read`);
        entries.set(entry.name, { entry, at });
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  return {
    metadata,
    names: [...entries.keys()],
    fileOf: (name) => files[entries.get(name)?.at ?? 0]!.path,
    shapeOf: (name) => entries.get(name)?.entry.shape,
    async read(name) {
      const { entry, at } = entries.get(name)!;
      const { file, dataStart } = files[at]!;
      return READ[entry.dtype]!(await file.read(dataStart + entry.begin, entry.end - entry.begin));
    },
    close,
  };
}

/** Files that an index names: in its own folder, each once. */
async function partsOf(index: string): Promise<string[]> {
  let map: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(await readAll(index, MAX_METADATA_BYTES));
    map = (JSON.parse(text) as { weight_map?: unknown }).weight_map;
  } catch (error) {
    if (isPrepError(error)) throw error;
    throw checkpointInvalid(index, 'the whole', 'is not JSON');
  }
  if (typeof map !== 'object' || map === null || Array.isArray(map))
    throw checkpointInvalid(index, 'weight_map', 'is not a map of names to files');
  const names = [...new Set(Object.values(map) as unknown[])];
  const odd = names.find((name) => typeof name !== 'string' || !/^[\w.-]+\.safetensors$/.test(name));
  if (odd !== undefined || names.length === 0)
    throw checkpointInvalid(index, 'weight_map', `names ${JSON.stringify(odd ?? null)}, which is no file beside it`);
  return (names as string[]).sort();
}
