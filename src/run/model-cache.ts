import { join } from 'node:path';
import { inputNotFound, isPrepError } from '../core/errors.ts';
import { MAX_TOKENIZER_BYTES } from '../core/limits.ts';
import { cacheFolder } from '../io/cache.ts';
import { commitFile } from '../io/commit.ts';
import { exists, openForRead, readAll } from '../io/files.ts';
import {
  buildModel,
  type ForeignModel,
  hashOf,
  isForeign,
  type Model,
  modelBytes,
  modelName,
  readModel,
} from '../tokenize/index.ts';

/** A model of Qwen's 151,643 tokens is 12 MiB; of Llama 3's with its whole words 22. */
const MAX_MODEL_BYTES = 512 * 1024 * 1024;

export interface LoadedModel {
  readonly model: Model | ForeignModel;
  /** The tokenizer.json itself: a copy goes into the corpus. */
  readonly bytes: Uint8Array;
}

/**
 * Reads a `tokenizer.json`. What became of it is kept by the file's hash: a second start reads 12 MiB instead of building
 * it from JSON for 180 ms. A cache that cannot be read or written is none: nothing depends on it.
 */
export async function loadModel(path: string): Promise<LoadedModel> {
  if (!(await exists(path))) throw inputNotFound(path, process.cwd());
  const bytes = await readAll(path, MAX_TOKENIZER_BYTES);
  const sha256 = hashOf(bytes);
  const cached = join(cacheFolder(), modelName(sha256));
  const known = await ignoringFailures(async () => ((await exists(cached)) ? readShared(cached) : undefined));
  // A file that was renamed is the model of another tokenizer.
  if (known?.sha256 === sha256) return { model: known, bytes };
  const model = buildModel(bytes, path);
  if (!isForeign(model)) await ignoringFailures(() => commitFile(cached, modelBytes(model)));
  return { model, bytes };
}

/** A model in memory that workers share, read right into it: a copy of it there took 3 ms. */
async function readShared(path: string): Promise<Model | undefined> {
  const file = await openForRead(path);
  try {
    if (file.size > MAX_MODEL_BYTES) return undefined;
    return readModel(await file.read(0, file.size, new Uint8Array(new SharedArrayBuffer(file.size))));
  } finally {
    await file.close();
  }
}

async function ignoringFailures<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (!isPrepError(error)) throw error;
    return undefined;
  }
}
