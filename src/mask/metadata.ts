import { POLICIES, type Policy } from './policy.ts';

/**
 * What a mask table says of its policy beside the name: who sees whom, how positions count, what the padding rows attend to,
 * and the id after each document (empty where the corpus has none).
 */
export function maskMetadata(
  policy: Policy,
  separator: number | null,
  diffusionBlock: number,
): Readonly<Record<string, string>> {
  const { attention, reach, positions } = POLICIES[policy];
  return {
    attention,
    reach,
    positions,
    padding: 'group',
    separator: separator === null ? '' : String(separator),
    ...(attention === 'block-diffusion' ? { diffusion_block: String(diffusionBlock) } : {}),
  };
}
