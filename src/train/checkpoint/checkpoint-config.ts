import { checkpointInvalid } from '../../core/errors.ts';
import type { ModelConfig } from '../model/presets.ts';
import { ROPE_EXTENSIONS, type RopeExtension, type RopeMethod } from '../model/rope-extension.ts';

/** What every model of ours has in common, by LLaDA's names: written out, and asked of a model that is read. */
const FIXED = {
  block_type: 'llama',
  block_group_size: 1,
  layer_norm_type: 'rms',
  layer_norm_with_affine: true,
  attention_layer_norm: false,
  bias_for_layer_norm: false,
  include_bias: false,
  include_qkv_bias: false,
  input_emb_norm: false,
  alibi: false,
  rope: true,
  scale_logits: false,
  weight_tying: false,
} as const;

/** `config.json` with the names of LLaDA's (GSAI-ML/LLaDA-8B-Base). What is the same for all our models is written out too. */
export function configToJson(config: ModelConfig): Record<string, unknown> {
  return {
    architectures: ['LLaDAModelLM'],
    model_type: 'llada',
    ...FIXED,
    activation_type: 'silu',
    multi_query_attention: null,
    attention_dropout: 0.0,
    residual_dropout: 0.0,
    embedding_dropout: 0.0,
    d_model: config.dModel,
    n_heads: config.heads,
    n_kv_heads: config.heads,
    n_layers: config.layers,
    mlp_hidden_size: config.hidden,
    rms_norm_eps: config.rmsNormEps,
    rope_theta: config.ropeTheta,
    ...(config.ropeExtension && { rope_extension: extensionToJson(config.ropeExtension) }),
    vocab_size: config.vocabSize,
    embedding_size: config.vocabSize,
    max_sequence_length: config.maxSequenceLength,
    mask_token_id: config.maskTokenId,
    bos_token_id: config.bosTokenId,
    eos_token_id: config.eosTokenId,
    pad_token_id: config.padTokenId,
    torch_dtype: 'float32',
  };
}

/** Checks every figure before anything is allocated by it. */
export function configFromJson(text: string, file: string): ModelConfig {
  let json: Record<string, unknown>;
  try {
    json = JSON.parse(text) as Record<string, unknown>;
    if (typeof json !== 'object' || json === null) throw new Error('not an object');
  } catch {
    throw checkpointInvalid(file, 'the whole', 'is not a JSON object');
  }
  const number = (name: string, least: number, most: number): number => {
    const value = json[name];
    if (typeof value !== 'number' || !(value >= least && value <= most))
      throw checkpointInvalid(file, name, `is ${JSON.stringify(value)}, not a number from ${least} to ${most}`);
    return value;
  };
  const count = (name: string, most: number, least = 1): number => {
    const value = number(name, least, most);
    if (!Number.isInteger(value)) throw checkpointInvalid(file, name, `is ${value}, not a whole number`);
    return value;
  };
  /** A field that is left out has LLaDA's own value. */
  const must = (name: string, ...values: readonly unknown[]): void => {
    if (json[name] === undefined || values.includes(json[name])) return;
    const known = values.map((value) => JSON.stringify(value)).join(' or ');
    throw checkpointInvalid(file, name, `is ${JSON.stringify(json[name])}, only ${known} is supported`);
  };
  for (const [name, value] of Object.entries(FIXED)) must(name, value);
  must('activation_type', 'silu', 'swiglu');
  must('multi_query_attention', null, false);
  const vocabSize = count('vocab_size', 2 ** 24);
  const heads = count('n_heads', 1024);
  must('n_kv_heads', heads, null);
  must('embedding_size', vocabSize, null);
  const dModel = count('d_model', 2 ** 17);
  if (dModel % (2 * heads) !== 0)
    throw checkpointInvalid(file, 'd_model', `is not an even multiple of n_heads (${heads})`);
  const id = (name: string): number => count(name, vocabSize - 1, 0);
  const idOrNull = (name: string): number | null => (json[name] === null || json[name] === undefined ? null : id(name));
  return {
    vocabSize,
    dModel,
    heads,
    layers: count('n_layers', 1024),
    hidden: count('mlp_hidden_size', 2 ** 20),
    ropeTheta: number('rope_theta', 1, 1e15),
    ropeExtension: extensionFromJson(json['rope_extension'], file),
    rmsNormEps: number('rms_norm_eps', 0, 1),
    maxSequenceLength: count('max_sequence_length', 2 ** 24),
    maskTokenId: id('mask_token_id'),
    bosTokenId: idOrNull('bos_token_id'),
    eosTokenId: idOrNull('eos_token_id'),
    padTokenId: id('pad_token_id'),
  };
}

/** Not Hugging Face's `rope_scaling`, which its models would apply once more: `rope_theta` has it already. */
const extensionToJson = (extension: RopeExtension): Record<string, unknown> => ({
  method: extension.method,
  original_rope_theta: extension.originalTheta,
  original_max_sequence_length: extension.originalLength,
  max_sequence_length: extension.targetLength,
  critical_dimension: extension.criticalDimension,
  scale: extension.scale,
});

function extensionFromJson(value: unknown, file: string): RopeExtension | null {
  if (value === undefined || value === null) return null;
  const json = Object(value) as Record<string, unknown>;
  const number = (name: string): number => {
    const found = json[name];
    if (typeof found !== 'number' || !(found > 0 && found < Infinity))
      throw checkpointInvalid(file, `rope_extension.${name}`, `is ${JSON.stringify(found)}, not a number above 0`);
    return found;
  };
  if (!ROPE_EXTENSIONS.includes(json['method'] as RopeMethod))
    throw checkpointInvalid(file, 'rope_extension.method', `is ${JSON.stringify(json['method'])}`);
  return {
    method: json['method'] as RopeMethod,
    originalTheta: number('original_rope_theta'),
    originalLength: number('original_max_sequence_length'),
    targetLength: number('max_sequence_length'),
    criticalDimension: number('critical_dimension'),
    scale: number('scale'),
  };
}
