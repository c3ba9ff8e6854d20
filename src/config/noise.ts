import { configInvalid } from '../core/errors.ts';
import { type NoiseForm, noiseFault, noiseForm, type NoiseRecord, noiseRecord } from '../core/noise.ts';

export interface NoiseSettings {
  readonly passes: number;
  /** Whether the masked positions are written too. */
  readonly bitsets: boolean;
  readonly form: NoiseForm;
}

/** `noise` of a pipeline file, its settings in range. CONFIG_INVALID where two of them do not go together. */
export function resolveNoise(raw: NoiseRecord, file: string): NoiseSettings {
  const form = noiseForm(raw);
  const fault = noiseFault(form);
  if (fault) throw configInvalid(file, { line: 0, column: 0, field: `noise.${fault[0]}` }, fault[1], fault[2]);
  return { passes: Number(raw['passes'] ?? 1), bitsets: raw['bitsets'] === true, form };
}

/** The same settings by the names they have in a file. */
export const rawNoise = ({ passes, bitsets, form }: NoiseSettings): NoiseRecord => ({
  passes,
  bitsets,
  ...noiseRecord(form),
});
