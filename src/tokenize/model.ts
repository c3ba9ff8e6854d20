import { createHash } from 'node:crypto';
import { type AddedToken, parseTokenizerFile, type TokenizerFile } from './file.ts';
import { buildImage, COLLIDING, type Image, LAYOUT } from './image.ts';
import { Kernel } from './kernel.ts';
import { KERNEL } from './kernel/kernel.generated.ts';
import { recognise, type Recognised } from './recognise.ts';
import { type Template, templateOf } from './template.ts';

/** Everything the engine needs of a `tokenizer.json`, as plain data: it crosses to a worker and into a cache as it is. */
export interface Model {
  /** SHA-256 of the file. */
  readonly sha256: string;
  /** Largest id + 1, added tokens included. */
  readonly size: number;
  readonly added: readonly AddedToken[];
  readonly template: Template | null;
  readonly how: Recognised;
  readonly image: Image;
}

/** A file the kernel cannot do: the library makes its own of the JSON, in every worker anew. */
export interface ForeignModel extends Omit<Model, 'how' | 'image'> {
  readonly name: string;
  readonly json: TokenizerFile['json'];
  readonly ids: ReadonlyMap<string, number>;
  /** Why the kernel cannot, in words. */
  readonly why: string;
}

export const isForeign = (model: Model | ForeignModel): model is ForeignModel => 'why' in model;

/** Reads and checks a `tokenizer.json`; `name` is its path for messages. Throws TOKENIZER_INVALID. */
export function buildModel(bytes: Uint8Array, name: string): Model | ForeignModel {
  const file = parseTokenizerFile(bytes, name);
  const sha256 = hashOf(bytes);
  const { size, added } = file;
  const common = { sha256, size, added, template: templateOf(file) };
  const how = recognise(file);
  const built = typeof how === 'string' ? how : buildImage(file, how);
  const image = typeof built === 'string' ? built : (Kernel.complete(built, size) ?? COLLIDING);
  if (typeof how !== 'string' && typeof image !== 'string') return { ...common, how, image };
  return { ...common, name, ...file.whole(), why: String(image) };
}

export const hashOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/**
 * Raise when the model of the same file changes: what is recognised and refused, tables, hashes, Unicode, the form it is
 * stored in; not for the kernel's code.
 */
const VERSION = 9;
const MAGIC = `ultraprep model ${VERSION}\n`;

/** Name of a file's model in a cache. */
export const modelName = (sha256: string): string => `${sha256}-v${VERSION}-${KERNEL_HASH}.model`;
/** Tables and kernel go together, and it fills some of them itself. */
const KERNEL_HASH = hashOf(new TextEncoder().encode(KERNEL)).slice(0, 8);

/** Tables of the image are looked at in place, as numbers of 4 bytes. */
const ALIGNED = 16;

/** A model as a file: magic, SHA-256 of what follows, header length, header (JSON, spaces up to a multiple of 16), image. */
export function modelBytes({ image, ...model }: Model): Uint8Array {
  const text = JSON.stringify({ ...model, layout: image.layout, imageBytes: image.bytes.length });
  const before = MAGIC.length + 32 + 4;
  const header = Buffer.from(text + ' '.repeat(-(before + Buffer.byteLength(text)) & (ALIGNED - 1)));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const body = [length, header, image.bytes];
  const hash = createHash('sha256');
  for (const part of body) hash.update(part);
  return Buffer.concat([Buffer.from(MAGIC), hash.digest(), ...body]);
}

/**
 * A model from a cache; undefined when it is not whole, or of another version: then it is built again. Its image lies in
 * `bytes` (at a multiple of 4), which workers are given without a copy where that is shared memory.
 */
export function readModel(bytes: Uint8Array): Model | undefined {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const at = MAGIC.length + 32;
  if (file.length < at + 4 || file.subarray(0, MAGIC.length).toString() !== MAGIC) return undefined;
  const sum = createHash('sha256').update(file.subarray(at)).digest();
  if (!sum.equals(file.subarray(MAGIC.length, at))) return undefined;
  const headerEnd = at + 4 + file.readUInt32LE(at);
  const { layout, imageBytes, ...model } = JSON.parse(file.subarray(at + 4, headerEnd).toString()) as Omit<
    Model,
    'image'
  > & {
    layout: Record<(typeof LAYOUT)[number], number>;
    imageBytes: number;
  };
  return { ...model, image: { bytes: bytes.subarray(headerEnd, headerEnd + imageBytes), layout } };
}
