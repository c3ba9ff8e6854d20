/** The policies by their definitions, pair by pair, from lengths alone: nothing of src/mask is at work here. */
import type { Policy } from '../../src/mask/index.ts';

export interface OracleWindow {
  readonly lengths: readonly number[];
  /** Attention group of each document, ascending. */
  readonly groups: readonly number[];
  /** Tokens in all, padding included. */
  readonly windowLength: number;
  readonly policy: Policy;
  readonly diffusionBlock: number;
}

/** Rows of the mask: twice the window under block diffusion. */
export const rowsOf = ({ policy, windowLength }: OracleWindow): number =>
  policy === 'block-diffusion' ? 2 * windowLength : windowLength;

/** May query i see key j? Padding is a document of its own. */
export function oracle(window: OracleWindow): (query: number, key: number) => boolean {
  const { lengths, groups, windowLength, policy, diffusionBlock } = window;
  const [documentOf, groupOf, offsetOf] = [[] as number[], [] as number[], [] as number[]];
  const padding = windowLength - lengths.reduce((sum, n) => sum + n, 0);
  for (const [document, length] of [...lengths, padding].entries())
    for (let offset = 0; offset < length; offset++) {
      documentOf.push(document);
      groupOf.push(document === lengths.length ? -1 : groups[document]!);
      offsetOf.push(offset);
    }
  const real = (i: number): boolean => groupOf[i] !== -1;
  switch (policy) {
    case 'adaptive':
      return (i, j) => documentOf[i] === documentOf[j];
    case 'eod':
    case 'direct':
      return (i, j) => real(i) === real(j);
    case 'hybrid':
      return (i, j) => groupOf[i] === groupOf[j];
    case 'document-causal':
      return (i, j) => documentOf[i] === documentOf[j] && j <= i;
    default:
      // BD3-LM's three masks (arXiv 2503.09573, section 4): rows and keys from T on are of the clean copy.
      return (i, j) => {
        const cleanQuery = i >= windowLength;
        const cleanKey = j >= windowLength;
        const q = i % windowLength;
        const k = j % windowLength;
        if (documentOf[q] !== documentOf[k]) return false;
        const blockQ = Math.floor(offsetOf[q]! / diffusionBlock);
        const blockK = Math.floor(offsetOf[k]! / diffusionBlock);
        const blockDiagonal = blockQ === blockK && cleanQuery === cleanKey;
        const offsetBlockCausal = blockQ > blockK && cleanKey && !cleanQuery;
        const blockCausal = blockQ >= blockK && cleanKey && cleanQuery;
        return blockDiagonal || offsetBlockCausal || blockCausal;
      };
  }
}

/** The same as bytes, [rows x rows]. */
export function denseOracle(window: OracleWindow): Uint8Array {
  const rows = rowsOf(window);
  const sees = oracle(window);
  const dense = new Uint8Array(rows * rows);
  for (let i = 0; i < rows; i++) for (let j = 0; j < rows; j++) dense[i * rows + j] = sees(i, j) ? 1 : 0;
  return dense;
}
