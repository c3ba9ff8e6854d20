import { POLICIES, type Policy } from './policy.ts';

/**
 * What a mask table says of its policy beside the name: who sees whom, how positions count, what the padding rows attend to,
 * and the id after each document (empty where there is none, `some` where sources differ).
 */
export function maskMetadata(
  policy: Policy,
  separator: string,
  diffusionBlock: number,
): Readonly<Record<string, string>> {
  const { attention, reach, positions } = POLICIES[policy];
  return {
    attention,
    reach,
    positions,
    padding: 'group',
    separator,
    ...(attention === 'block-diffusion' ? { diffusion_block: String(diffusionBlock) } : {}),
  };
}
