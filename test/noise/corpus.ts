import { DEFAULT_FORM, type NoiseForm } from '../../src/core/noise.ts';
import { type Draw, drawPass, Masker, type NoiseCorpus, type NoiseWindow } from '../../src/noise/index.ts';

export const formOf = (settings: Partial<NoiseForm>): NoiseForm => ({ ...DEFAULT_FORM, ...settings });

/** A window of documents, each [tokens] or [tokens, of them prompt], a group of its own unless `groups` says otherwise. */
export function windowOf(documents: readonly (readonly [number, number?])[], groups?: readonly number[]): NoiseWindow {
  let start = 0;
  const offsets = [0];
  const segments = documents.map(([length, promptTokens = 0], i) => {
    const segment = { start, length, group: groups?.[i] ?? i, promptTokens };
    start += length;
    if (i + 1 === documents.length || (groups?.[i + 1] ?? i + 1) !== segment.group) offsets.push(start);
    return segment;
  });
  return { numTokens: start, segments, cuSeqlens: Int32Array.from(offsets) };
}

/** A corpus of windows, of which the last `heldOut` are for validation. */
export const corpusOf = (windows: readonly NoiseWindow[], heldOut = 0, seed = 7): NoiseCorpus => ({
  dir: 'corpus',
  seed,
  train: Int32Array.from({ length: windows.length - heldOut }, (_, i) => i),
  validation: Int32Array.from({ length: heldOut }, (_, i) => windows.length - heldOut + i),
  window: async (window) => windows[window]!,
});

export async function drawsOf(corpus: NoiseCorpus, form: NoiseForm, pass = 0): Promise<Draw[]> {
  const draws: Draw[] = [];
  for await (const draw of drawPass(corpus, form, pass)) draws.push(draw);
  return draws;
}

/** The masked positions of a window, as a copy. */
export const maskOf = (masker: Masker, draw: Draw, { segments, numTokens }: NoiseWindow): Uint8Array =>
  masker.mask(draw, segments).slice(0, numTokens);

/** Chi-square of counts against what is expected of each. */
export const chiSquare = (seen: ArrayLike<number>, expected: ArrayLike<number>): number =>
  Array.from(seen).reduce((sum, n, i) => sum + (n - expected[i]!) ** 2 / expected[i]!, 0);

/** What chi-square exceeds one time in 100,000, for that many degrees of freedom (Wilson and Hilferty, within 1 %). */
export const chiLimit = (freedom: number): number =>
  freedom * (1 - 2 / (9 * freedom) + 4.265 * Math.sqrt(2 / (9 * freedom))) ** 3;
