import { usageError } from '../../core/errors.ts';

/** How a model trained on short windows is made to tell positions in longer ones apart. */
export const ROPE_EXTENSIONS = ['none', 'vanilla-ntk', 'diffusion-ntk'] as const;
export type RopeMethod = (typeof ROPE_EXTENSIONS)[number];

/** What was done to a model's RoPE; its `ropeTheta` is the product. Written into config.json. */
export interface RopeExtension {
  readonly method: RopeMethod;
  readonly originalTheta: number;
  /** Tokens of the windows it was trained on, and of those it is extended to. */
  readonly originalLength: number;
  readonly targetLength: number;
  /** Dimensions of a head below which a period fits into what was trained on; even. */
  readonly criticalDimension: number;
  /** lambda: what the base is multiplied by. */
  readonly scale: number;
}

/**
 * Offsets that a causal model sees in T tokens reach T - 1; a bidirectional one sees them on both sides, 2T in all. UltraLLaDA
 * (arXiv 2510.10481) puts that into NTK scaling for the window trained on and for the one aimed at.
 */
const SPAN: Readonly<Record<Exclude<RopeMethod, 'none'>, number>> = { 'vanilla-ntk': 1, 'diffusion-ntk': 2 };

/**
 * The base for longer windows:
 *
 *   critical  = 2 ceil(d/2 log_b(s T_train / 2 pi))
 *   lambda    = (s T_target / 2 pi)^(d / critical) / b          theta' = b lambda
 *
 * with d the width of a head, b the base, and s 1 (vanilla NTK, LongLLaDA) or 2 (diffusion-aware, UltraLLaDA). The ceiling is
 * fragile (LLaDA's 69.97 becomes 70), so `critical` can be given: the paper's own sweep found 73 best.
 */
export function extendRope(
  model: { readonly theta: number; readonly headWidth: number; readonly length: number },
  target: number,
  method: Exclude<RopeMethod, 'none'>,
  critical?: number,
): RopeExtension {
  const { theta, headWidth, length } = model;
  if (target <= length)
    throw usageError(
      `--rope ${method}: the model was trained on windows of ${length} tokens, ${target} need no extension`,
    );
  const around = (tokens: number): number => (SPAN[method] * tokens) / (2 * Math.PI);
  const usual = 2 * Math.ceil((headWidth / 2) * (Math.log(around(length)) / Math.log(theta)));
  const criticalDimension = critical ?? usual;
  if (!(criticalDimension > 0 && criticalDimension <= headWidth))
    throw usageError(
      critical === undefined
        ? `--rope ${method}: at a base of ${theta} no dimension of a head of ${headWidth} was seen as a whole in ${length} tokens: give --rope-critical`
        : `--rope-critical: from 1 to ${headWidth}, the width of a head`,
    );
  const scale = around(target) ** (headWidth / criticalDimension) / theta;
  return { method, originalTheta: theta, originalLength: length, targetLength: target, criticalDimension, scale };
}
