import { checkpointInvalid, checkpointMismatch, checkpointNotFound } from '../../core/errors.ts';
import { MAX_TOKENIZER_BYTES } from '../../core/limits.ts';
import { exists, listFolder, readAll, stat } from '../../io/files.ts';
import { loadTokenizer, type Tokenizer } from '../../tokenize/index.ts';
import type { ModelConfig } from '../model/presets.ts';
import { CONFIG, loadConfig } from './checkpoint.ts';

/**
 * The folder of a checkpoint: the one given, the `train` in a corpus folder given, or the newest under `parent`/NAME/train.
 * CHECKPOINT_NOT_FOUND where there is none.
 */
export async function findCheckpoint(given: string | undefined, parent = 'out'): Promise<string> {
  if (given !== undefined) {
    for (const dir of [given, `${given}/train`]) if (await exists(`${dir}/${CONFIG}`)) return dir;
    throw checkpointNotFound(given);
  }
  let newest: { dir: string; time: number } | undefined;
  for (const name of (await exists(parent)) ? await listFolder(parent) : []) {
    const dir = `${parent}/${name}/train`;
    const time = (await stat(`${dir}/${CONFIG}`))?.modified;
    if (time !== undefined && (!newest || time > newest.time)) newest = { dir, time };
  }
  if (!newest) throw checkpointNotFound(`${parent}/*/train`);
  return newest.dir;
}

/** Config and tokenizer of a checkpoint, checked against each other. The weights are read when all else is known to be right. */
export async function openCheckpoint(dir: string): Promise<{ config: ModelConfig; tokenizer: Tokenizer }> {
  const config = await loadConfig(dir);
  const file = `${dir}/tokenizer.json`;
  if (!(await exists(file))) throw checkpointInvalid(file, 'the whole', 'is missing: text becomes tokens by it');
  const tokenizer = loadTokenizer(await readAll(file, MAX_TOKENIZER_BYTES), file);
  // One more than the ids of a tokenizer without a mask token: that one is the model's own.
  if (tokenizer.size > config.vocabSize)
    throw checkpointMismatch(
      dir,
      `has a model of ${config.vocabSize} tokens and a tokenizer of ${tokenizer.size}`,
      'put the tokenizer.json of the model there',
    );
  return { config, tokenizer };
}
