import type { RopeExtension } from './rope-extension.ts';

/** Shape of a masked diffusion transformer (LLaDA's: bidirectional, RoPE, RMSNorm, SwiGLU, no biases, untied head). */
export interface ModelConfig {
  readonly vocabSize: number;
  /** Width of the residual stream. */
  readonly dModel: number;
  /** dModel / heads is the width of a head: even, for RoPE. */
  readonly heads: number;
  readonly layers: number;
  /** Inner width of the SwiGLU. */
  readonly hidden: number;
  readonly ropeTheta: number;
  /** What its RoPE was extended by; `ropeTheta` has it. */
  readonly ropeExtension: RopeExtension | null;
  readonly rmsNormEps: number;
  /** Longest window it has been trained on. */
  readonly maxSequenceLength: number;
  readonly maskTokenId: number;
  readonly bosTokenId: number | null;
  readonly eosTokenId: number | null;
  readonly padTokenId: number;
}

type Shape = Pick<ModelConfig, 'dModel' | 'heads' | 'layers' | 'hidden' | 'ropeTheta'>;

export const PRESETS = {
  /** 0.1 M parameters beside the embeddings: learns in a minute on two cores. */
  tiny: { dModel: 64, heads: 2, layers: 2, hidden: 192, ropeTheta: 10_000 },
  /** 0.9 M. */
  small: { dModel: 128, heads: 4, layers: 4, hidden: 384, ropeTheta: 10_000 },
  /** 25 M: for tfjs-node. */
  medium: { dModel: 512, heads: 8, layers: 8, hidden: 1408, ropeTheta: 500_000 },
  /** 6,979,588,096 beside the embeddings (arXiv 2502.09992). */
  'llada-8b': { dModel: 4096, heads: 32, layers: 32, hidden: 12288, ropeTheta: 500_000 },
} as const satisfies Record<string, Shape>;

export type Preset = keyof typeof PRESETS;

/** The preset that a model has the shape of. */
export const presetOf = (config: ModelConfig): Preset | undefined =>
  (Object.keys(PRESETS) as Preset[]).find((name) =>
    (Object.keys(PRESETS[name]) as (keyof Shape)[]).every((size) => PRESETS[name][size] === config[size]),
  );

/** A preset on a corpus: the special ids, `vocabSize` and `windowLength` come from the manifest. */
export function configOf(
  preset: Preset,
  corpus: {
    readonly vocabSize: number;
    readonly windowLength: number;
    readonly specialIds: {
      readonly mask: number;
      readonly bos: number | null;
      readonly eos: number | null;
      readonly pad: number;
    };
  },
): ModelConfig {
  const { mask, bos, eos, pad } = corpus.specialIds;
  return {
    ...PRESETS[preset],
    ropeExtension: null,
    vocabSize: corpus.vocabSize,
    rmsNormEps: 1e-5,
    maxSequenceLength: corpus.windowLength,
    maskTokenId: mask,
    bosTokenId: bos,
    eosTokenId: eos,
    padTokenId: pad,
  };
}
