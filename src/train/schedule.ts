/** Learning rate over a run. */
export interface Schedule {
  readonly peak: number;
  /** Steps of linear rise: the first is at peak / warmup. */
  readonly warmup: number;
  readonly shape: 'cosine' | 'constant';
  /** The rate that a cosine ends at. */
  readonly floor: number;
}

/** At `progress` (0 to 1) of the run, in step `step` (from 0). */
export function learningRateAt({ peak, warmup, shape, floor }: Schedule, step: number, progress: number): number {
  const rise = Math.min(1, (step + 1) / Math.max(1, warmup));
  if (shape === 'constant') return peak * rise;
  return rise * (floor + (peak - floor) * 0.5 * (1 + Math.cos(Math.PI * Math.min(1, progress))));
}
