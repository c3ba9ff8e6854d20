/**
 * What a token may attend to in a packed window. The first three are the boundary strategies of UltraLLaDA (arXiv 2510.10481).
 *
 * - `separator`: whether packing puts an end-of-document token after each document.
 * - `separators`: of a corpus that is packed, which the policy can be written for: one with separators, without, or any.
 * - `reach`: how far attention reaches at most; padding is a group of its own under every policy.
 * - `attention`: who sees whom within that reach. `block-diffusion` is BD3-LM's (doubled.ts).
 * - `positions`: whether the position ids of a trainer start at 0 again in each group.
 */
export const POLICIES = {
  /** Bidirectional inside a document, nothing across documents; nothing inserted. The paper's choice. */
  adaptive: {
    separator: false,
    separators: 'any',
    reach: 'segment',
    attention: 'bidirectional',
    positions: 'restart',
  },
  /** An end-of-document token after each document; attention over the whole window. */
  eod: {
    separator: true,
    separators: 'needed',
    reach: 'window',
    attention: 'bidirectional',
    positions: 'continue',
  },
  /** Nothing inserted; attention over the whole window. */
  direct: {
    separator: false,
    separators: 'none',
    reach: 'window',
    attention: 'bidirectional',
    positions: 'continue',
  },
  /** Documents with one key (`group_field`) side by side, bidirectional among them; an end-of-document token in each. */
  hybrid: {
    separator: true,
    separators: 'needed',
    reach: 'group',
    attention: 'bidirectional',
    positions: 'restart',
  },
  /** A token sees those before it in its document, and itself. */
  'document-causal': {
    separator: false,
    separators: 'any',
    reach: 'segment',
    attention: 'causal',
    positions: 'restart',
  },
  /** A noisy and a clean copy of the window side by side: a noisy block sees itself and the clean blocks before it. */
  'block-diffusion': {
    separator: false,
    separators: 'any',
    reach: 'segment',
    attention: 'block-diffusion',
    positions: 'restart',
  },
} as const satisfies Record<string, PolicyRules>;

interface PolicyRules {
  readonly separator: boolean;
  readonly separators: 'any' | 'needed' | 'none';
  readonly reach: 'segment' | 'group' | 'window';
  readonly attention: 'bidirectional' | 'causal' | 'block-diffusion';
  readonly positions: 'restart' | 'continue';
}

export type Policy = keyof typeof POLICIES;
export const POLICY_NAMES = Object.keys(POLICIES) as Policy[];
/** Tokens in a diffusion block, where nothing else is said. BD3-LM trained 4, 8 and 16; LLaDA 2.0 took 32. */
export const DIFFUSION_BLOCK = 32;
