/**
 * What a token may attend to in a packed window (UltraLLaDA, arXiv 2510.10481, section on boundary strategies).
 * All are bidirectional; they differ in what is inserted between documents and in how far attention reaches.
 */
export const POLICIES = {
  /** Bidirectional inside a document, nothing across documents; nothing inserted. The paper's choice. */
  adaptive: { separator: false, reach: 'document' },
  /** An end-of-document token after each document; attention over the whole window. */
  eod: { separator: true, reach: 'window' },
  /** Nothing inserted; attention over the whole window. */
  direct: { separator: false, reach: 'window' },
} as const satisfies Record<string, { separator: boolean; reach: 'document' | 'window' }>;

export type Policy = keyof typeof POLICIES;
export const POLICY_NAMES = Object.keys(POLICIES) as Policy[];
