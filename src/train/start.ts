import { checkpointMismatch, usageError } from '../core/errors.ts';
import { sha256OfFile } from '../io/hash.ts';
import { exists } from '../io/files.ts';
import type { Corpus, Manifest } from '../shard/index.ts';
import { loadConfig } from './checkpoint/checkpoint.ts';
import type { ModelConfig } from './model/presets.ts';
import { checkManifest } from './windows.ts';
import { extendRope, type RopeMethod } from './model/rope-extension.ts';

export interface GoOn {
  /** Folder of a checkpoint in Hugging Face's form. */
  readonly from: string;
  readonly rope: RopeMethod;
  readonly critical: number | undefined;
}

/**
 * The config that training goes on with from a checkpoint: its own, with RoPE extended to the corpus' windows. CHECKPOINT_MISMATCH for a
 * corpus of another tokenizer or other special ids, or of longer windows without an extension.
 */
export async function configFrom({ from, rope, critical }: GoOn, manifest: Manifest): Promise<ModelConfig> {
  const config = await loadConfig(from);
  await checkTokenizer(from, config, manifest);
  const { windowLength } = manifest;
  if (rope === 'none') {
    if (critical !== undefined) throw usageError('--rope-critical goes with --rope vanilla-ntk or diffusion-ntk');
    if (windowLength > config.maxSequenceLength)
      throw checkpointMismatch(
        from,
        `was trained on windows of ${config.maxSequenceLength} tokens, the corpus has ${windowLength}`,
        'extend it with --rope diffusion-ntk',
      );
    return config;
  }
  return extended(config, windowLength, rope, critical);
}

/** The config with its RoPE extended to windows of `target` tokens. */
export function extended(
  config: ModelConfig,
  target: number,
  rope: Exclude<RopeMethod, 'none'>,
  critical?: number,
): ModelConfig {
  const { ropeTheta: theta, dModel, heads, maxSequenceLength: length } = config;
  const ropeExtension = extendRope({ theta, headWidth: dModel / heads, length }, target, rope, critical);
  return { ...config, ropeTheta: theta * ropeExtension.scale, maxSequenceLength: target, ropeExtension };
}

/** A corpus that a checkpoint is evaluated on: CHECKPOINT_MISMATCH for one of another tokenizer. */
export async function checkCorpus(from: string, config: ModelConfig, corpus: Corpus): Promise<void> {
  checkManifest(corpus);
  await checkTokenizer(from, config, corpus.manifest);
}

async function checkTokenizer(from: string, config: ModelConfig, { tokenizer }: Manifest): Promise<void> {
  const file = `${from}/tokenizer.json`;
  const wayOut = 'pack the corpus with the tokenizer of the model';
  if (await exists(file)) {
    const hash = await sha256OfFile(file);
    if (hash !== tokenizer.sha256)
      throw checkpointMismatch(from, 'has another tokenizer.json than the corpus was made with', wayOut);
  }
  const { mask, eos, pad } = tokenizer.specialIds;
  for (const [name, ours, theirs] of [
    ['mask', mask, config.maskTokenId],
    ['pad', pad, config.padTokenId],
    ['eos', eos, config.eosTokenId],
  ] as const)
    if (ours !== theirs && ours !== null && theirs !== null)
      throw checkpointMismatch(from, `has the ${name} token ${theirs}, the corpus ${ours}`, wayOut);
  if (tokenizer.vocabSize > config.vocabSize)
    throw checkpointMismatch(from, `has ${config.vocabSize} tokens, the corpus up to ${tokenizer.vocabSize}`, wayOut);
}
